"""Certificates: names, profiles, issuing and reading. Bytes in, bytes out; nothing here touches a disk.

`cryptography` is imported inside functions, so that importing this room costs nothing.
"""
