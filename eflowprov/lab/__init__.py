"""The simulated machine: DPS, VM, host, scenarios."""
