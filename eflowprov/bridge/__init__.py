"""Typed calls to the EFLOW cmdlets."""
