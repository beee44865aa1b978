"""The shells that may answer in a VM."""

from __future__ import annotations

import pytest

from tests.support import require


@pytest.fixture(params=["dash", "bash", "busybox"])
def shell(request: pytest.FixtureRequest) -> str:
    """Each of them by its name."""
    require(request.param)
    return str(request.param)
