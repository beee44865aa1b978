"""`run --config FILE`: one machine's TOML file, read, checked and described.

Paths in it are relative to the file's own folder. Nothing secret stands in it: keys and passphrases are named by file.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from eflowprov.bridge.cmdlet_call import DEFAULT_ENDPOINT
from eflowprov.errors import InputError
from eflowprov.workflows.disk.files import read_limited

_LIMIT = 2**20
_DAY_S = 86400  # the longest deadline
_TEMPLATE = Path(__file__).with_name("config.template.toml")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class IdentityConfig(_Section):
    """The device's identity: issued from `ca` into `out`, or the files `cert` and `key` as they are."""

    registration_id: Annotated[str, Field(description="The registration ID; the certificate's CN is the same.")]
    ca: Annotated[Path | None, Field(description="Folder of the authority that issues the certificate.")] = None
    passphrase_file: Annotated[Path | None, Field(description="File with the passphrase of the authority's key.")] = (
        None
    )
    out: Annotated[Path | None, Field(description="Folder for the issued identity; with `ca`.")] = None
    cert: Annotated[Path | None, Field(description="Full chain, leaf first; in place of `ca` and `out`.")] = None
    key: Annotated[Path | None, Field(description="The leaf's private key, unencrypted; with `cert`.")] = None

    @model_validator(mode="after")
    def _one_of_two(self) -> IdentityConfig:
        issued = self.ca is not None and self.out is not None
        given = self.cert is not None and self.key is not None
        if issued == given or (self.ca is None) != (self.out is None) or (self.cert is None) != (self.key is None):
            raise ValueError("give either ca and out, or cert and key")
        return self


class DpsConfig(_Section):
    """Where the device registers."""

    scope_id: Annotated[str, Field(pattern="^[0-9A-Za-z]+$", description="The ID scope, from the DPS overview.")]
    endpoint: Annotated[str, Field(description="HOST[:PORT] of the global endpoint.")] = DEFAULT_ENDPOINT
    endpoint_ca: Annotated[Path | None, Field(description="PEM file to trust in place of the system's roots.")] = None
    register_first: Annotated[
        bool,
        Field(alias="register", description="Register from this host first, to prove that DPS takes the identity."),
    ] = False
    timeout_s: Annotated[float, Field(gt=0, le=_DAY_S, description="Deadline of the registration in seconds.")] = 120.0


class EnrollConfig(_Section):
    """The enrollment that DPS is to have before the device registers; its rights are never in this file."""

    kind: Annotated[
        Literal["individual", "group"], Field(description="individual for this device alone, group for its authority.")
    ]
    connection_string_file: Annotated[
        Path | None,
        Field(description="File with the service's connection string; else EFLOWPROV_DPS_CONNECTION_STRING has it."),
    ] = None
    group_id: Annotated[str, Field(description="The group's name; with kind group.")] = ""
    ca: Annotated[
        Path | None, Field(description="The group's authority; left out, the one that issues the identity.")
    ] = None
    slot: Annotated[Literal["primary", "secondary"], Field(description="The certificate's place; see rotation.")] = (
        "primary"
    )
    edge: Annotated[bool, Field(description="Make it an IoT Edge device, which EFLOW needs.")] = True
    device_id: Annotated[str, Field(description="Device ID in the hub; left out, the registration ID.")] = ""
    hub: Annotated[str, Field(description="The hub's host name; left out, the service's own choice.")] = ""
    update: Annotated[bool, Field(description="Change an enrollment that is there and differs, without asking.")] = (
        False
    )
    endpoint_ca: Annotated[Path | None, Field(description="PEM file to trust in place of the system's roots.")] = None
    proxy: Annotated[str, Field(description="http://HOST:PORT; left out, what the environment says.")] = ""
    timeout_s: Annotated[float, Field(gt=0, le=_DAY_S, description="Deadline of each request in seconds.")] = 60.0

    @model_validator(mode="after")
    def _fits_its_kind(self) -> EnrollConfig:
        if self.kind == "group" and not self.group_id:
            raise ValueError("a group needs group_id")
        if self.kind == "group" and self.device_id:
            raise ValueError("device_id is for an individual enrollment")
        if self.kind == "individual" and (self.group_id or self.ca is not None):
            raise ValueError("group_id and ca are for a group")
        return self


class HostConfig(_Section):
    target: Annotated[Literal["local"], Field(description="Where the EFLOW cmdlets are.")] = "local"


class VmConfig(_Section):
    """The way into the VM."""

    channel: Annotated[
        Literal["auto", "ssh", "cmdlet"], Field(description="auto takes SSH where this EFLOW has it, else the cmdlets.")
    ] = "auto"
    ssh: Annotated[str, Field(description="HOST[:PORT] of the VM's SSH server; empty for none.")] = ""
    ssh_user: Annotated[str, Field(description="The VM's user.")] = "iotedge-user"
    ssh_key: Annotated[Path | None, Field(description="Private key file for SSH.")] = None
    known_hosts: Annotated[Path | None, Field(description="File with the pinned host key.")] = None
    accept_new_host_key: Annotated[bool, Field(description="Pin an unknown host key at the first connection.")] = False
    start_wait_s: Annotated[
        float,
        Field(ge=0, le=_DAY_S, description="How long a run that was cut off waits for host and VM to answer again."),
    ] = 600.0


class ProvisionConfig(_Section):
    pass_registration_id: Annotated[bool, Field(description="Give the cmdlet -registrationId too.")] = False
    again: Annotated[bool, Field(description="Provision a VM that is provisioned already, without asking.")] = False
    remove_key: Annotated[
        bool, Field(description="Delete the host's private key once the VM proved to hold it; like --remove-key.")
    ] = False
    timeout_s: Annotated[float, Field(gt=0, le=_DAY_S, description="Deadline of the cmdlet in seconds.")] = 900.0
    evidence_s: Annotated[
        float, Field(gt=0, le=_DAY_S, description="How long the VM may take to show that it worked.")
    ] = 180.0


class VerifyConfig(_Section):
    expect: Annotated[
        Literal["", "new", "deployed"], Field(description="deployed: no deployment yet is a failure.")
    ] = ""
    since: Annotated[
        str, Field(pattern=r"^[0-9]{1,6}(s|m|min|h|d)$", description="How far back the logs are read.")
    ] = "1h"
    timeout_s: Annotated[
        float, Field(gt=0, le=_DAY_S, description="Deadline of all commands together, in seconds.")
    ] = 420.0
    policy: Annotated[Path | None, Field(description="TOML file with the site's own severities.")] = None
    baseline: Annotated[Path | None, Field(description="An earlier JSON report, to show what changed since.")] = None
    fail_on_new: Annotated[
        bool, Field(description="Not ready when something is worse than in the baseline; with `baseline`.")
    ] = False

    @model_validator(mode="after")
    def _compared(self) -> VerifyConfig:
        if self.fail_on_new and self.baseline is None:
            raise ValueError("fail_on_new needs a baseline")
        return self


class ReportConfig(_Section):
    output: Annotated[Path | None, Field(description="Folder for the report in every form.")] = None
    bundle: Annotated[
        Path | None, Field(description="F.zip: everything for a ticket in one file, secrets taken out.")
    ] = None
    support_bundle: Annotated[bool, Field(description="Also iotedge support-bundle from the VM; with `bundle`.")] = (
        False
    )

    @model_validator(mode="after")
    def _has_its_file(self) -> ReportConfig:
        if self.support_bundle and self.bundle is None:
            raise ValueError("support_bundle needs a bundle")
        return self


class RunConfig(_Section):
    """One machine."""

    identity: IdentityConfig
    dps: DpsConfig
    enroll: EnrollConfig | None = None
    host: HostConfig = HostConfig()
    vm: VmConfig = VmConfig()
    provision: ProvisionConfig = ProvisionConfig()
    verify: VerifyConfig = VerifyConfig()
    report: ReportConfig = ReportConfig()


def load_config(path: Path) -> RunConfig:
    """Read and check a file. InputError names the file, the place in it and what would be right."""
    try:
        data = tomllib.loads(read_limited(path, _LIMIT).decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(
            str(path), f"is not valid TOML: {error}", "Mend that line; `eflowprov config new` shows the form"
        ) from None
    try:
        config = RunConfig.model_validate(data)
    except ValidationError as error:
        raise InputError(str(path), _problems(error), "`eflowprov config schema` describes every field") from None
    return _anchored(config, path.resolve().parent)


def template() -> str:
    """A commented file to start from."""
    return _TEMPLATE.read_text(encoding="utf-8")


def schema() -> dict[str, Any]:
    """The file's JSON Schema."""
    return RunConfig.model_json_schema()


def _problems(error: ValidationError) -> str:
    """Every problem in one line; the values stay out of it."""
    places = (
        (".".join(str(part) for part in problem["loc"]) or "the file", problem["msg"].removeprefix("Value error, "))
        for problem in error.errors(include_input=False, include_url=False)
    )
    return "; ".join(f"{place}: {message}" for place, message in places)


def _anchored(config: RunConfig, base: Path) -> RunConfig:
    """Make every path absolute, seen from the file's folder."""
    sections = {
        name: section.model_copy(update={field: base / value for field, value in section if isinstance(value, Path)})
        for name, section in config
        if section is not None
    }
    return config.model_copy(update=sections)
