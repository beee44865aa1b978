"""What several tests of the workflows need."""

from __future__ import annotations

import pytest

from tests.machine import Files, make_files


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """An authority and one device's identity, issued once."""
    return make_files(tmp_path_factory.mktemp("files"))
