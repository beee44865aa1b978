"""The names under which `Provision-EflowVm` gets a certificate and its key."""

from __future__ import annotations

from pathlib import Path

from eflowprov.certs.names import file_name_for


def staged_stem(registration_id: str, serial: str) -> str:
    """What every name for this certificate begins with."""
    return f"{file_name_for(registration_id)}-{serial.lower()}"


def staged_paths(registration_id: str, serial: str, folder: Path, number: int = 1) -> tuple[Path, Path]:
    """Give the paths of certificate and key in `folder`; the names bear the certificate's serial number.

    The cmdlet keeps the names in the VM, and a second copy over an old name fails there (iotedge-eflow#103): a second
    call for the same certificate takes another `number`, which from 2 on is part of the names.
    """
    stem = staged_stem(registration_id, serial) + (f"-{number}" if number > 1 else "")
    return folder / f"{stem}.cert.pem", folder / f"{stem}.key.pem"
