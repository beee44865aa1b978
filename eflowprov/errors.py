"""One root; one class for each thing that the operator can put right; its exit status on it.

The statuses are the contract's: 2 for wrong usage or unusable input (nothing was touched), 3 for "could not
find out" (a transport, host, VM or service did not answer, or answered in an unknown form).
"""


class EflowprovError(Exception):
    """Something that the operator can act on, told in three parts.

    `where` names the place (a file, a host, a flag), `why` the reason, `next_step` what to do now; each is one
    line without a final full stop. `str(error)` is `WHERE: WHY. NEXT STEP.`, what stands behind `error: `.
    None of the three may hold a secret.
    """

    exit_status = 3

    def __init__(self, where: str, why: str, next_step: str) -> None:
        self.where = _one_line(where)
        self.why = _one_line(why).rstrip(".")
        self.next_step = _one_line(next_step).rstrip(".")
        super().__init__(f"{self.where}: {self.why}. {self.next_step}.")


class InputError(EflowprovError):
    """A flag, a file, a name or a configuration that cannot be used; nothing was touched. Status 2."""

    exit_status = 2


class TransportError(EflowprovError):
    """A wire (SSH, PowerShell, WinRM, DPS) did not answer, or refused before a command could run. Status 3."""


class DeadlineError(TransportError):
    """The total deadline passed before an answer was there. Status 3."""


class DeniedError(TransportError):
    """It answered, or can never answer, and no waiting changes that: another key or program is needed. Status 3."""


class HostKeyError(TransportError):
    """The VM's SSH host key is unknown or is not the pinned one. Status 3."""


class BridgeError(TransportError):
    """PowerShell ran, but its answer is missing, doubled, torn or not in the known form. Status 3."""


class CmdletError(EflowprovError):
    """An EFLOW cmdlet threw; `why` is its message without the line number, `log` what it printed. Status 3."""

    def __init__(self, where: str, why: str, next_step: str, *, error_id: str = "", log: tuple[str, ...] = ()) -> None:
        super().__init__(where, why, next_step)
        self.error_id = error_id
        self.log = log


class ParseError(EflowprovError):
    """A text is not in any form that is known for it; `why` quotes the first words seen. Status 3."""


class StorageError(EflowprovError):
    """A file could not be written whole (disk full, read-only, locked); nothing half written is left. Status 3."""


def _one_line(text: str) -> str:
    """Fold white space and drop control characters, so that an error stays one line on any terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
