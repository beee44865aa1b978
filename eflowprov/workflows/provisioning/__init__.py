"""The cmdlet, what the VM held before and holds after it, and the evidence that it worked."""
