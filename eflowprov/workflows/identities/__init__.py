"""Authorities and identities as files: issued, requested, imported, exported, renewed, listed."""
