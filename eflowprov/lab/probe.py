"""What the script of `bridge.vm_probe` prints in the simulated VM, which has no shell to run it in."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from eflowprov.bridge.vm_probe import CONFIG

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", re.DOTALL)


def probe_answer(files: Mapping[str, bytes], now: datetime) -> str:
    """The answer of a VM with these files; its key service may read every key that is there."""
    lines = [f"clock {int(now.timestamp())}"]
    if CONFIG not in files:
        return "\n".join([*lines, "config missing", "end", ""])
    told = _provisioning(files[CONFIG])
    lines += ["config there", f"scope {told.get('id_scope', '')}", f"registration {told.get('registration_id', '')}"]
    cert, key = (str(told.get(name, "")).removeprefix("file://") for name in ("identity_cert", "identity_pk"))
    if cert:
        lines += [f"certificate {cert}", *_CERTIFICATE.findall(files.get(cert, b"").decode("ascii", "replace"))]
    if key:
        lines.append(f"key {'readable' if key in files else 'missing'} {key}")
    return "\n".join([*(line.rstrip("\n") for line in lines), "end", ""])


def _provisioning(config: bytes) -> Mapping[str, Any]:
    """The values of the provisioning section and of its attestation."""
    section = tomllib.loads(config.decode("utf-8")).get("provisioning", {})
    return {**section, **section.get("attestation", {})}
