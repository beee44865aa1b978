"""What a configuration, with the files that it leads to, asks of the single steps."""

from __future__ import annotations

from eflowprov.workflows.config import RunConfig
from eflowprov.workflows.provisioning.preparation import ProvisionRequest
from eflowprov.workflows.register import DeviceRegistration
from eflowprov.workflows.runs.run_files import RunFiles


def provision_request(config: RunConfig, files: RunFiles) -> ProvisionRequest:
    """For the steps check, provision and wait."""
    return ProvisionRequest(
        scope_id=config.dps.scope_id,
        cert=files.cert,
        key=files.key,
        registration_id=config.identity.registration_id,
        endpoint=config.dps.endpoint,
        pass_registration_id=config.provision.pass_registration_id,
        timeout_s=config.provision.timeout_s,
        evidence_s=config.provision.evidence_s,
    )


def registration(config: RunConfig, files: RunFiles) -> DeviceRegistration:
    """For the step register. InputError when the host has the key no more."""
    dps = config.dps
    return DeviceRegistration(
        scope_id=dps.scope_id,
        cert=files.cert,
        key=files.needed_key(),
        registration_id=config.identity.registration_id,
        endpoint=dps.endpoint,
        endpoint_ca=dps.endpoint_ca,
        timeout_s=dps.timeout_s,
    )
