"""What the steps of a run are asked for, with and without the private key on the host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from eflowprov.errors import InputError
from eflowprov.workflows.config import RunConfig
from eflowprov.workflows.runs.run_files import RunFiles
from eflowprov.workflows.runs.step_requests import provision_request, registration
from tests.machine import DEVICE, SCOPE

FILES = RunFiles(Path("c.pem"), Path("k.pem"))
WITHOUT_KEY = RunFiles(Path("c.pem"), None)


def config(**dps: Any) -> RunConfig:
    identity = {"registration_id": DEVICE, "cert": FILES.cert, "key": FILES.key}
    provision = {"timeout_s": 100.0, "evidence_s": 50.0, "pass_registration_id": True}
    return RunConfig.model_validate({"identity": identity, "dps": {"scope_id": SCOPE, **dps}, "provision": provision})


def test_the_registration_has_the_identity_and_what_the_configuration_says_of_dps() -> None:
    asked = registration(config(endpoint="dps.example", timeout_s=7.0), FILES)
    assert (asked.cert, asked.key, asked.registration_id) == (FILES.cert, FILES.key, DEVICE)
    assert (asked.scope_id, asked.endpoint, asked.timeout_s) == (SCOPE, "dps.example", 7.0)


def test_the_provisioning_has_its_own_deadlines_and_may_do_without_the_key() -> None:
    for files in (FILES, WITHOUT_KEY):
        asked = provision_request(config(endpoint="dps.example"), files)
        assert (asked.cert, asked.key, asked.registration_id) == (FILES.cert, files.key, DEVICE)
        assert (asked.scope_id, asked.endpoint, asked.pass_registration_id) == (SCOPE, "dps.example", True)
        assert (asked.timeout_s, asked.evidence_s) == (100.0, 50.0)


def test_a_registration_without_the_key_is_refused_with_the_way_out() -> None:
    with pytest.raises(InputError, match=r"c\.pem: its private key is in the VM alone .*\. Leave register out of"):
        registration(config(), WITHOUT_KEY)
