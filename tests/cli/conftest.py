"""A command line in a test is one of many in the same process: nothing of it stays for the next."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict

import pytest

from eflowprov.cli.terminal import SETTINGS, Settings


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    """The handlers of --debug and --log-file go, and the global flags are as at the start."""
    yield
    logger = logging.getLogger("eflowprov")
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    for name, value in asdict(Settings()).items():
        setattr(SETTINGS, name, value)
