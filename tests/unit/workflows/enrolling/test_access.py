"""A connection string of DPS, and what is said of every other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eflowprov.errors import InputError
from eflowprov.model import Secret
from eflowprov.workflows.enrolling.access import VARIABLE, parse_connection_string, service_access

HOST, POLICY, KEY = "HostName=dps.example", "SharedAccessKeyName=owner", "SharedAccessKey=S3CRETS3CRET"
GOOD = ";".join((HOST, POLICY, KEY))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"HostName=hub.azure-devices.net;DeviceId=d;{KEY}", "it is a device's connection string"),
        (f"HostName=HUB.azure-devices.net;{POLICY};{KEY}", "it is an IoT Hub's connection string"),
        (f"{HOST};{POLICY}", "it lacks SharedAccessKey$"),
        ("", "it lacks HostName, SharedAccessKeyName, SharedAccessKey$"),
        (f"{HOST};SharedAccessKeyName=o w;{KEY}", "its SharedAccessKeyName is no policy's name"),
        (f"HostName=https://S3CRET/x;{POLICY};{KEY}", "its HostName is no host's name"),
    ],
)
def test_what_is_none_is_told_as_what_it_is(text: str, why: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_connection_string(Secret(text), "the file")
    assert refused.value.where == "the file" and "S3CRET" not in str(refused.value)
    assert re.search(why, refused.value.why)


def test_the_file_comes_before_the_variable_and_the_variable_before_the_question(tmp_path: Path) -> None:
    def ask() -> Secret:
        return Secret(GOOD.replace("owner", "asked"))

    (tmp_path / "dps.txt").write_text(GOOD.replace("owner", "filed"), encoding="ascii")
    environ = {VARIABLE: GOOD.replace("owner", "set")}
    assert service_access(tmp_path / "dps.txt", environ, ask).policy == "filed"
    assert service_access(None, environ, ask).policy == "set"
    assert service_access(None, {}, ask).policy == "asked"
    with pytest.raises(InputError, match="Give --connection-string-file"):
        service_access(None, {})
