"""A progress bar with rate and time left, on standard error and on a terminal alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager
from typing import TYPE_CHECKING

from eflowprov.cli import terminal

if TYPE_CHECKING:
    from rich.progress import Progress

Watch = Callable[[str, int, int], None]
_MANY = 10  # fewer are done before a bar can be read


@contextmanager
def progress_bar() -> Iterator[Watch]:
    """Give a function to tell `(what, done, of)`; it draws where somebody watches, and does nothing elsewhere."""
    if terminal.SETTINGS.quiet or not sys.stderr.isatty():
        yield lambda _what, _done, _of: None
        return
    bar = _Bar()
    try:
        yield bar.tell
    finally:
        bar.end()


@contextmanager
def told_when_interrupted(done: Sized, what: str) -> Iterator[None]:
    """Have a Ctrl-C say how far the work had come: `what`, after the number of `done`.

    A batch that it fell into is given its names all the same, so that it may be some more.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(*([f"at least {len(done)} {what}"] if done else [])) from None


class _Bar:
    """Begins with the first thing told about many, so that few cost nothing."""

    def __init__(self) -> None:
        self._drawn: Progress | None = None
        self._tasks: dict[str, int] = {}

    def tell(self, what: str, done: int, of: int) -> None:
        if of <= _MANY:
            return
        if self._drawn is None:
            self._drawn = _begin()
        if what not in self._tasks:
            self._tasks[what] = int(self._drawn.add_task(what, total=of))
        self._drawn.update(self._tasks[what], completed=done)  # type: ignore[arg-type]  # TaskID is an int

    def end(self) -> None:
        if self._drawn is not None:
            self._drawn.stop()


def _begin() -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:.{0 if speed >= 10 else 1}f}/s" if speed else "")

    console = Console(stderr=True, no_color=not terminal.color(sys.stderr))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    drawn = Progress(*columns, console=console, transient=True)
    drawn.start()
    return drawn
