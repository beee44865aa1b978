"""The answer of the VM's probe (`bridge.vm_probe`): a word at the start of each line, and PEM between them."""

from __future__ import annotations

from eflowprov.model import VmProbe
from eflowprov.parsers.text import clean, refusal

_WORDS = ("clock", "config", "scope", "registration", "certificate", "key", "end")
_KEY_STATES = ("readable", "unreadable", "missing", "unknown")


def parse_vm_probe(text: str) -> VmProbe:
    """Read the answer. ParseError when it does not end, or does not tell the VM's time."""
    told: dict[str, str] = {}
    pem: list[str] = []
    for line in clean(text).split("\n"):
        word, _, rest = line.partition(" ")
        if word in _WORDS:
            told[word] = rest.strip()
        elif "certificate" in told and line.strip():
            pem.append(line)
    clock = told.get("clock", "")
    if "end" not in told or not (clock.isascii() and clock.isdigit() and len(clock) < 12):
        raise refusal("the VM's probe", text, "its answer is not whole")
    state, _, path = told.get("key", "").partition(" ")
    return VmProbe(
        clock=int(clock),
        provisioned=told.get("config") == "there",
        registration_id=told.get("registration", ""),
        id_scope=told.get("scope", ""),
        certificate_path=told.get("certificate", ""),
        certificates="".join(f"{line}\n" for line in pem),
        key_path=path if state in _KEY_STATES else "",
        key=state if state in _KEY_STATES else "",
    )
