"""`--bundle` of a command: what it gathers while the command runs, and the file at its end."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from eflowprov.cli import terminal
from eflowprov.errors import EflowprovError, InputError, StorageError

if TYPE_CHECKING:
    from eflowprov.bridge.eflow import EflowHost
    from eflowprov.model import Report
    from eflowprov.workflows.bundling.bundle import Bundle, BundleOptions, Receipt
    from eflowprov.workflows.bundling.log import RunLog
    from eflowprov.workflows.readiness.verify import OnLook


class Bundling:
    """Around the command's work, with `with`: when that ends with an error of the world (status 3), the bundle is made
    of what there is, since that is when a ticket is written. Without a file it does nothing."""

    def __init__(self, wanted: BundleOptions | None = None) -> None:
        self.eflow: EflowHost | None = None
        self._stack = ExitStack()
        self._log: RunLog | None = None
        self._bundle: Bundle | None = None
        if wanted is not None:
            from eflowprov.workflows.bundling.bundle import Bundle
            from eflowprov.workflows.bundling.log import RunLog

            self._log = RunLog()
            self._bundle = Bundle(wanted, self._log, self.progress)

    @property
    def on_look(self) -> OnLook | None:
        """Takes what a look into the VM gave."""
        return self._bundle.look if self._bundle else None

    def progress(self, text: str) -> None:
        """Tell a step, here and in the transcript."""
        self.event("told", text=text)
        terminal.progress(text)

    def hint(self, text: str) -> None:
        """Tell something worth knowing, here and in the transcript."""
        self.event("told", text=text)
        terminal.hint(text)

    def event(self, event: str, **details: object) -> None:
        """Add to the transcript."""
        if self._log is not None:
            self._log.event(event, None, **details)

    def write(self, report: Report | None, error: EflowprovError | None = None) -> None:
        """Make the file and say what it is. StorageError when it cannot be written."""
        if self._bundle is None:
            return
        tell_receipt(self._bundle.write(report, error=error, host=self.eflow.last_facts if self.eflow else None))

    def __enter__(self) -> Bundling:
        if self._log is not None:
            self._stack.enter_context(self._log.listening())
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stack.close()
        if isinstance(error, EflowprovError) and error.exit_status != InputError.exit_status:
            try:
                self.write(None, error)
            except StorageError as unwritten:
                terminal.hint(f"bundle: {unwritten}")


def tell_receipt(receipt: Receipt) -> None:
    """Say what was written, and what could not be had."""
    size = f"{receipt.members} files, {max(1, receipt.size // 1024)} KiB, {receipt.redacted} secrets taken out"
    terminal.hint(f"bundle: {receipt.path} ({size})")
    if receipt.lacking:
        terminal.hint(f"bundle: iotedge support-bundle is not in it: {receipt.lacking}")


def bundling(
    path: Path | None, *, support_bundle: bool, since: str, timeout_s: float, saved: Path | None, output: Path | None
) -> Bundling:
    """What the flags ask for, before anything is touched. InputError when they do not fit together."""
    if path is None:
        if support_bundle:
            raise InputError("--support-bundle", "it goes into a bundle", "Name its file with --bundle F.zip")
        return Bundling()
    if support_bundle and saved is not None:
        raise InputError("--support-bundle", "saved outputs have no VM to ask", "Leave out --support-bundle or --from")
    from eflowprov.workflows.bundling.bundle import BundleOptions, refuse_place

    refuse_place(path, output)
    return Bundling(BundleOptions(path, support_bundle, since, timeout_s))
