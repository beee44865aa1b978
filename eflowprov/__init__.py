"""Bring an EFLOW machine up with X.509 and DPS, and prove that it is ready."""

__version__ = "0.1.0"
