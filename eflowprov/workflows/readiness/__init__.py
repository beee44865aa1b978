"""From the commands in the VM, or their saved outputs, to a report; waiting for it."""
