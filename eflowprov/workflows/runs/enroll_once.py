"""The enroll step of `run`: DPS has this identity's enrollment before the device registers.

Making it twice does no harm, so the journal only saves the second look: a run that was cut off between the change and
its entry finds the enrollment as it is wanted, and there is nothing to do.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from eflowprov.errors import EflowprovError, InputError
from eflowprov.model import EnrollmentKind, Finding, Outcome
from eflowprov.redaction import redact
from eflowprov.transports.dps_service import HTTPS_PORT, path_of
from eflowprov.workflows.config import EnrollConfig, RunConfig
from eflowprov.workflows.enrolling.access import service_access
from eflowprov.workflows.enrolling.enroll import (
    EnrollmentRequest,
    ServiceSettings,
    make_enrollment,
    open_service,
    wanted_enrollment,
)
from eflowprov.workflows.enrolling.records import Wanted, new_body
from eflowprov.workflows.identities.authority_files import ISSUING, ROOT
from eflowprov.workflows.identities.identity_files import is_there
from eflowprov.workflows.runs.journal import Journal, step_key

ENROLL = "enroll"
_UPDATE = "Set update = true under [enroll] when that is meant; eflowprov dps status shows what is there"


def enroll_once(config: RunConfig, cert: Path, journal: Journal, progress: Callable[[str], None]) -> Finding | None:
    """Have the enrollment as the configuration wants it; None when it wants none.

    InputError for files that cannot be used, and when there is another one that nobody allowed to change;
    TransportError when DPS does not answer.
    """
    if config.enroll is None:
        return None
    wanted = wanted_enrollment(enrollment_request(config, config.enroll, cert))
    key = enroll_key(config, wanted)
    if journal.done(ENROLL, key) is not None:
        detail = f"Proved by an earlier run: the {wanted.kind} enrollment {wanted.id}."
        return Finding("dps/enrollment", "DPS has the enrollment", Outcome.PASS, detail, source="journal")
    service = open_service(service_settings(config.enroll), os.environ)
    progress(f"asking {service.where} for the {wanted.kind} enrollment {wanted.id}")
    may_change = config.enroll.update
    done = make_enrollment(service, wanted, lambda _: may_change, _UPDATE)
    if done.result:
        journal.record(ENROLL, key, result=done.result)
    return done.finding


def enrollment_request(config: RunConfig, enroll: EnrollConfig, cert: Path) -> EnrollmentRequest:
    """What the section asks for; a group's authority is the identity's own unless it names another."""
    kind = EnrollmentKind(enroll.kind)
    if kind is EnrollmentKind.GROUP:
        cert = enroll.ca or _own_authority(config)
    return EnrollmentRequest(kind, cert, enroll.group_id, enroll.slot, enroll.edge, enroll.device_id, enroll.hub)


def service_settings(enroll: EnrollConfig) -> ServiceSettings:
    return ServiceSettings(enroll.connection_string_file, enroll.endpoint_ca, enroll.proxy, enroll.timeout_s)


def enroll_key(config: RunConfig, wanted: Wanted) -> str:
    """The journal's digest of everything that the enrollment depends on."""
    parts = (wanted.kind, wanted.id, wanted.sha256, wanted.slot, wanted.edge, wanted.device_id, wanted.hub)
    return step_key(ENROLL, *parts, config.dps.scope_id, config.dps.endpoint)


def enroll_plan(config: RunConfig, cert: Path, journal: Journal) -> tuple[str, tuple[str, ...]]:
    """For `--dry-run`: what the step would do, and its requests without their token; nothing is asked."""
    enroll = config.enroll
    if enroll is None:
        return "not configured", ()
    request = enrollment_request(config, enroll, cert)
    if not is_there(request.cert):
        return f"have the {enroll.kind} enrollment made for the certificate, once it is issued", ()
    wanted = wanted_enrollment(request)
    if journal.done(ENROLL, enroll_key(config, wanted)) is not None:
        return "proved by an earlier run; not again", ()
    url = f"https://{_host(enroll, os.environ)}{path_of(wanted.collection, wanted.id)}"
    changed = "change it" if enroll.update else "stop when it differs"
    what = f"look for the {enroll.kind} enrollment {wanted.id}; make it when it is missing, {changed}"
    return what, tuple(map(redact, (f"GET {url}", f"PUT {url} {_shown(wanted)}")))


def _own_authority(config: RunConfig) -> Path:
    folder = config.identity.ca
    if folder is None:
        raise InputError("[enroll]", "a group needs its authority's certificate", 'Name it: ca = "issuing.ca.cert.pem"')
    return folder / (ISSUING if is_there(folder / ISSUING) else ROOT)


def _host(enroll: EnrollConfig, environ: Mapping[str, str]) -> str:
    try:
        access = service_access(enroll.connection_string_file, environ)
    except EflowprovError:
        return "DPS"
    return access.host if access.port == HTTPS_PORT else f"{access.host}:{access.port}"


def _shown(wanted: Wanted) -> str:
    """The record that would be made, its certificate by its thumbprint."""
    body = json.dumps(new_body(wanted))
    return body.replace(json.dumps(wanted.certificate), json.dumps(f"SHA-1 {wanted.sha1}"))
