"""A real OpenSSH server on loopback, run as the current user, with keys and a log of its own."""

from __future__ import annotations

import getpass
import os
import re
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from eflowprov.lab.ssh_server import KeyPair, make_key_pair
from eflowprov.transports.ssh import SshTarget


class RealSshd:
    """One sshd; `options` are lines of sshd_config that come before ours (the first value counts, sshd_config(5))."""

    def __init__(self, program: str, folder: Path, *options: str) -> None:
        self.folder = folder
        self.client_key = make_key_pair()
        self.host_key = make_key_pair()
        self.log = folder / "sshd.log"
        self.known_hosts = folder / "known_hosts"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._command = [program, "-D", "-f", str(self._configure(options)), "-E", str(self.log)]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> RealSshd:
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd's own, for its unprivileged part
        self.restart()
        return self

    def restart(self) -> None:
        """Start it, in the place of the one that runs; what stood of its sessions is the caller's."""
        if self._process:
            self.stop()
            self.log.rename(self.log.with_suffix(".before"))  # a new one is how a start is seen
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while not (self.log.exists() and "Server listening" in self.log_text()):
            if self._process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"sshd did not start: {self.log_text()}")
            time.sleep(0.01)

    def stop(self) -> None:
        """Listen no more; sessions go on."""
        assert self._process
        self._process.terminate()
        self._process.wait(10)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process
        for child in self.children():
            with suppress(ProcessLookupError):  # it may be ending by itself
                os.kill(child, 9)
        self.stop()

    def target(self, *, key: KeyPair | None = None, known_hosts: Path | None = None, **more: object) -> SshTarget:
        """How to reach it: the right key, the right pin, unless told otherwise."""
        return SshTarget(
            host="127.0.0.1",
            port=self.port,
            user=getpass.getuser(),
            private_key=(key or self.client_key).private,
            known_hosts=known_hosts or self.known_hosts,
            **more,  # type: ignore[arg-type]
        )

    def log_text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def connections(self) -> tuple[int, int]:
        """How many connections came in so far, and how many of them were let in by a key."""
        text = "".join(path.read_text("utf-8", "replace") for path in self.folder.glob(f"{self.log.stem}.*"))
        return text.count("Connection from "), text.count("Accepted publickey ")

    def children(self) -> list[int]:
        """The processes of its sessions."""
        assert self._process
        listed = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return [int(word) for word in listed.read_text(encoding="ascii").split()] if listed.exists() else []

    def in_the_vm(self) -> list[str]:
        """The command lines of all that runs in its sessions, and of what outlived them: sshd marks each process."""
        mark = re.compile(rb"(^|\0)SSH_CONNECTION=\S+ \S+ \S+ %d\0" % self.port)
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it may have ended meanwhile
                if mark.search((process / "environ").read_bytes()):
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        return [line for line in found if line]

    def _configure(self, options: tuple[str, ...]) -> Path:
        host_key, authorized = self.folder / "host_key", self.folder / "authorized_keys"
        host_key.touch(mode=0o600)
        host_key.write_text(self.host_key.private.reveal(), encoding="ascii")
        authorized.write_text(self.client_key.public + "\n", encoding="ascii")
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {self.host_key.public}\n", encoding="ascii")
        config = self.folder / "sshd_config"
        lines = (
            *options,
            f"ListenAddress 127.0.0.1:{self.port}",
            f"HostKey {host_key}",
            f"AuthorizedKeysFile {authorized}",
            "PidFile none",
            "UsePAM no",
            "StrictModes no",
            "PermitRootLogin yes",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "LogLevel VERBOSE",
            f"SetEnv HOME={self.folder}",  # so that the user's own .bashrc has no say
        )
        config.write_text("\n".join(lines) + "\n", encoding="ascii")
        return config
