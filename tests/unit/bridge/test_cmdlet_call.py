"""The parameters of `Provision-EflowVm`, chosen from those that this host's cmdlet has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from eflowprov.bridge.cmdlet_call import ProvisionCall, provision_call
from eflowprov.errors import CmdletError
from tests.machine import PARAMETERS, SCOPE


def call(parameters: Sequence[str] = PARAMETERS, **more: str) -> ProvisionCall:
    return provision_call(parameters, scope_id=SCOPE, cert=Path("a.pem"), key=Path("b.pem"), **more)


@pytest.mark.parametrize(
    ("cert", "key"),
    [
        ("identityCertPath", "identityPrivKeyPath"),
        ("identityCertPath", "identityPrivateKey"),
        ("identityCertPath", "identityPrivateKeyPath"),
        ("identityCertLocWin", "identityPkLocWin"),
        ("IdentityCertPath", "IDENTITYPRIVKEYPATH"),
    ],
)
def test_each_release_gets_its_own_parameter_names(cert: str, key: str) -> None:
    made = call(["provisioningType", "scopeId", cert, key])
    assert made.arguments == {"provisioningType": "DpsX509", "scopeId": SCOPE, cert: "a.pem", key: "b.pem"}
    assert made.switches == ()


def test_the_registration_id_and_the_endpoint_are_passed_only_when_asked_for() -> None:
    assert not {"registrationId", "globalEndpoint"} & call().arguments.keys()
    made = call(registration_id="press1", endpoint="dps.example")
    assert (made.arguments["registrationId"], made.arguments["globalEndpoint"]) == ("press1", "dps.example")


def test_prompts_are_suppressed_where_the_release_can() -> None:
    assert call().switches == ("headless",)
    assert call(["Headless", *PARAMETERS[:5]]).switches == ("Headless",)


@pytest.mark.parametrize("missing", ["provisioningType", "scopeId", "identityCertPath", "identityPrivKeyPath"])
def test_a_parameter_that_is_not_there_is_said_before_anything_is_called(missing: str) -> None:
    with pytest.raises(CmdletError, match=f"has no parameter for the .*{missing}"):
        call([name for name in PARAMETERS if name != missing])


def test_the_text_is_what_a_person_would_type() -> None:
    assert call().text() == (
        f"Provision-EflowVm -provisioningType DpsX509 -scopeId '{SCOPE}' -identityCertPath 'a.pem' "
        "-identityPrivKeyPath 'b.pem' -headless"
    )


@pytest.mark.parametrize("quote", ["'", "‘", "’", "‚", "‛"])
def test_a_quote_in_a_value_stays_inside_its_quotes(quote: str) -> None:
    """PowerShell ends a text in single quotes at any of these, and takes a doubled one for the character."""
    made = ProvisionCall({"scopeId": f"a{quote}; Stop-Computer #"}, ())
    assert made.text() == f"Provision-EflowVm -scopeId 'a{quote}{quote}; Stop-Computer #'"
