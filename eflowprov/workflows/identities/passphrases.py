"""Whom to ask for the passphrase of a file: the passphrase file, else a person, else nobody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from eflowprov.model import Secret
from eflowprov.workflows.disk.files import read_passphrase

Ask = Callable[[str], Secret]  # what the passphrase is of -> what the person typed


def unlocker(passphrase_file: Path | None, ask: Ask | None) -> Callable[[str], Secret | None]:
    """Give the function that knows the passphrase of each file by its name.

    With a passphrase file it holds for all; a person is asked for each, once. Raises InputError when the file cannot be
    used.
    """
    if passphrase_file is not None:
        known = read_passphrase(passphrase_file)
        return lambda _source: known
    answers: dict[str, Secret] = {}

    def unlock(source: str) -> Secret | None:
        if ask is None:
            return None
        if source not in answers:
            answers[source] = ask(source)
        return answers[source]

    return unlock
