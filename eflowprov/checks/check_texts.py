"""What the catalogue says of one check of `iotedge check`: its warning as noise, the cause of its skip, its way out."""

from __future__ import annotations

import re
from collections.abc import Collection

from eflowprov.checks.entries import CheckEntry, Noise, check_entries
from eflowprov.model import Check, CheckOutcome

_BY_HAND = 'Read the whole message: Invoke-EflowVmCommand -command "sudo iotedge check --verbose".'
_NOTHING = "Nothing to do."
# What the text form says of a skip when it does not know the reason (field-known up to 1.6).
_UNTOLD = re.compile(r"previous failures?|errors? from other checks", re.IGNORECASE)


def noise_of(check: Check) -> Noise | None:
    """Why this message says nothing about an EFLOW device; None when it does, or the check is not known.

    An error is noise only where its text says so: of a version that could not be looked up, releases of 1.4 make one
    (iotedge-eflow#221, #281).
    """
    known = _known(check)
    if known is None or known.noise is None or not (check.outcome is CheckOutcome.WARNING or known.noise.when):
        return None
    return known.noise if re.search(known.noise.when, "\n".join(check.details)) else None


def skip_of(check: Check, failed: Collection[str]) -> tuple[str, str]:
    """A skip's detail and remedy. JSON merges skips behind failures and harmless ones; `failed` tells them apart."""
    known = _known(check)
    told = next(iter(check.details), "").strip().split("\n")[0]
    needed = [id_ for id_ in (known.needs if known else ()) if id_ in failed]
    if needed and (not told or _UNTOLD.search(told)):
        behind = f"iotedge-check/{needed[0]}"
        return f"Skipped behind {behind}, which failed.", f"Put right {behind} first, then verify again."
    if told and not _UNTOLD.search(told):
        return " ".join(told.split()), _NOTHING
    if known and known.skipped and not told:
        return f"Skipped, and nothing that it needs has failed; usually because {known.skipped}.", _NOTHING
    remedy = f"Look at the checks that failed; with --verbose the reason is told. {_BY_HAND}"
    return "Skipped behind an error or for a harmless reason; no proof.", remedy


def remedy_of(check: Check) -> str:
    """The way out of a check's warning or error."""
    known = _known(check)
    return known.entry.remedy if known else _BY_HAND


def _known(check: Check) -> CheckEntry | None:
    return check_entries().get(check.id)
