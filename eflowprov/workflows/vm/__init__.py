"""The way into the VM: which channel, and how often it may be knocked at."""
