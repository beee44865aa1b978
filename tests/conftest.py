"""What every test may ask for: parts of the machine, and closed doors to the network."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import find_powershell, require

ROOT = Path(__file__).resolve().parent.parent
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's own state, and none leaves loopback."""
    home = tmp_path_factory.mktemp("home")
    for name in (
        "HOME",
        "USERPROFILE",
        "XDG_CONFIG_HOME",
        "XDG_STATE_HOME",
        "XDG_DATA_HOME",
        "LOCALAPPDATA",
        "APPDATA",
    ):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setenv("NO_COLOR", "1")
    for name in ("EFLOWPROV_PASSWORD",):
        monkeypatch.delenv(name, raising=False)
    connect = socket.socket.connect

    def only_loopback(self: socket.socket, address: object) -> None:
        if (
            self.family in (socket.AF_INET, socket.AF_INET6)
            and isinstance(address, tuple)
            and address[0] not in _LOOPBACK
        ):
            raise AssertionError(f"a test tried to reach {address!r}")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", only_loopback)


@pytest.fixture(scope="session")
def powershell() -> str:
    """The path of a real PowerShell; a test that asks for it is skipped by name where there is none."""
    found = find_powershell()
    if not found:
        pytest.skip("needs a real PowerShell (EFLOWPROV_POWERSHELL or PATH)")
    return found


@pytest.fixture(scope="session")
def shared() -> Iterator[Path]:
    """The material beside the project; absent on a machine that has the project alone."""
    path = ROOT.parent / "shared"
    if not path.is_dir():
        pytest.skip("needs ../shared")
    yield path


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests of the other system are no tests here: deselected, not skipped."""
    other = "linux" if os.name == "nt" else "windows"
    left = [item for item in items if item.get_closest_marker(other)]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if not item.get_closest_marker(other)]


@pytest.fixture(scope="session")
def sshd() -> str:
    """The path of OpenSSH's server."""
    return require("sshd")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium."""
    return require("chromium")


@pytest.fixture(scope="session")
def openssl() -> str:
    """The path of the openssl command."""
    return require("openssl")


@pytest.fixture(scope="session")
def keytool() -> str:
    """The path of Java's keytool, a second reader of PFX files."""
    return require("keytool")
