"""The names under which `Provision-EflowVm` gets a certificate and its key."""

from __future__ import annotations

from pathlib import Path

from eflowprov.certs.names import file_name_for


def staged_paths(registration_id: str, serial: str, folder: Path) -> tuple[Path, Path]:
    """Give the paths of certificate and key in `folder`; the names bear the certificate's serial number.

    The cmdlet keeps the names in the VM, and a second copy over an old name fails there (iotedge-eflow#103).
    """
    stem = f"{file_name_for(registration_id)}-{serial.lower()}"
    return folder / f"{stem}.cert.pem", folder / f"{stem}.key.pem"
