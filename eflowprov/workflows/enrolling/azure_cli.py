"""The same as a script for the Azure CLI, for somebody who has the rights: nothing is asked, nothing is sent.

The certificate travels inside the script. Every value is one quoted word. On Windows `az` is a batch file, whose
arguments cmd.exe reads a second time whatever PowerShell's quotes say, so that the PowerShell form refuses the
characters that mean something there.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from eflowprov.bridge.literals import single_quoted
from eflowprov.errors import InputError
from eflowprov.model import EnrollmentKind
from eflowprov.workflows.enrolling.records import Wanted

_DPS_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-]{1,62}[A-Za-z0-9]")
_GROUP_NAME = re.compile(r"[A-Za-z0-9\-_.()]{1,90}")
_CA_NAME = re.compile(r"[A-Za-z0-9\-_.]{1,64}")
_CMD_READS = re.compile(r'["%!^&|<>()]')


class Shell(StrEnum):
    """The language of the script; both call the Azure CLI."""

    BASH = "az"
    POWERSHELL = "az-powershell"


@dataclass(frozen=True, slots=True)
class Place:
    """The DPS by its name in Azure; an empty resource group lets the Azure CLI look for it."""

    dps_name: str
    resource_group: str = ""

    def options(self) -> list[str]:
        """InputError for names that Azure does not have."""
        if not self.dps_name:
            raise InputError("--dps-name", "the script needs the name of the DPS in Azure", "Give --dps-name")
        found = [f"--dps-name={_fitting('--dps-name', self.dps_name, _DPS_NAME)}"]
        if self.resource_group:
            found.append(f"--resource-group={_fitting('--resource-group', self.resource_group, _GROUP_NAME)}")
        return found


def enroll_script(wanted: Wanted, place: Place, shell: Shell) -> str:
    """Make the enrollment, or change the one that is there."""
    verb = ["az", "iot", "dps", _noun(wanted.kind)]
    named = [*place.options(), f"--enrollment-id={wanted.id}"]
    slot = "--certificate-path" if wanted.slot == "primary" else "--secondary-certificate-path"
    chosen = [f"--edge-enabled={str(wanted.edge).lower()}", "--provisioning-status=enabled"]
    chosen += [f"--device-id={wanted.device_id}"] if wanted.device_id else []
    chosen += [f"--iot-hubs={wanted.hub}", "--allocation-policy=static"] if wanted.hub else []
    create = ["--attestation-type=x509"] if wanted.kind is EnrollmentKind.INDIVIDUAL else []
    about = f"Makes the {wanted.kind} enrollment {wanted.id}, or changes the one that is there."
    write = _writer(shell)
    return write.script(
        about,
        wanted.certificate,
        write.either(
            [*verb, "show", *named],
            [*verb, "update", *named, *chosen],
            [*verb, "create", *named, *create, *chosen],
            slot,
        ),
    )


def unenroll_script(kind: EnrollmentKind, id_: str, place: Place, shell: Shell) -> str:
    """Delete a device's registration and its enrollment, or a group's enrollment."""
    verb = ["az", "iot", "dps", _noun(kind)]
    named = [*place.options(), f"--enrollment-id={id_}"]
    write = _writer(shell)
    lines = [write.command([*verb, "delete", *named])]
    if kind is EnrollmentKind.INDIVIDUAL:
        lines.insert(0, write.attempt([*verb, "registration", "delete", *named]))
    return write.script(f"Deletes the {kind} enrollment {id_}.", "", "\n".join(lines))


def verify_ca_script(certificate: str, name: str, ca: Path, by: str, place: Place, shell: Shell) -> str:
    """Upload an authority's certificate, have the proof of possession made here, and hand it in."""
    named = [*place.options(), f"--certificate-name={_fitting('--name', name, _CA_NAME)}"]
    proof = ["eflowprov", "certs", "proof"]
    folder = str(ca)
    if not folder.isprintable():
        raise InputError("--ca", "its path has characters that cannot be printed", "Move the folder")
    write = _writer(shell)
    about = f"Uploads the CA certificate {name} and proves that its key is at hand. Run it where the authority is."
    return write.script(about, certificate, write.verification(named, [*proof, "--ca", folder, "--by", by]))


def _noun(kind: EnrollmentKind) -> str:
    return "enrollment-group" if kind is EnrollmentKind.GROUP else "enrollment"


def _fitting(flag: str, text: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(text):
        raise InputError(flag, f"{text!r} cannot be such a name in Azure", "Copy it from the portal")
    return text


_NEEDS = "Needs the Azure CLI with its extension azure-iot, `az login`, and the right to change this DPS."


class _Bash:
    """For bash."""

    def command(self, words: Sequence[str], *raw: str) -> str:
        return " ".join([*map(shlex.quote, words), *raw])

    def attempt(self, words: Sequence[str]) -> str:
        return f"{self.command(words)} || true  # there may be none"

    def either(self, show: Sequence[str], update: Sequence[str], create: Sequence[str], slot: str) -> str:
        cert = f'{slot}="$folder/cert.pem"'
        return (
            f"if {self.command(show)} >/dev/null 2>&1; then\n"
            f"  {self.command(update, cert)}\nelse\n  {self.command(create, cert)}\nfi"
        )

    def verification(self, named: Sequence[str], proof: Sequence[str]) -> str:
        verb = ["az", "iot", "dps", "certificate"]
        etag = f"etag=$({self.command([*verb, 'show', *named, '--query=etag', '--output=tsv'])})"
        code = self.command(
            [*verb, "generate-verification-code", *named, "--query=properties.verificationCode", "--output=tsv"],
            '--etag="$etag"',
        )
        return "\n".join(
            [
                self.command([*verb, "create", *named], '--path="$folder/cert.pem"'),
                etag,
                f"code=$({code})",
                self.command(proof, '--out "$folder/proof" -- "$code"'),
                etag,
                self.command([*verb, "verify", *named], '--etag="$etag" --path="$(echo "$folder"/proof/proof-*.pem)"'),
            ]
        )

    def script(self, about: str, certificate: str, body: str) -> str:
        lines = ["#!/usr/bin/env bash", f"# {about}", f"# {_NEEDS}", "set -euo pipefail"]
        if certificate:
            lines += ["folder=$(mktemp -d)", "trap 'rm -rf \"$folder\"' EXIT"]
            lines += ["cat > \"$folder/cert.pem\" <<'END'", certificate.rstrip("\n"), "END"]
        return "\n".join([*lines, body]) + "\n"


class _PowerShell:
    """For Windows PowerShell 5.1 and PowerShell 7."""

    def command(self, words: Sequence[str], *raw: str) -> str:
        program, *arguments = words
        if program == "az":
            arguments = [_harmless(word) for word in arguments]
        return " ".join(["&", single_quoted(program), *map(single_quoted, arguments), *raw])

    def attempt(self, words: Sequence[str]) -> str:
        return f"{self.command(words)}  # there may be none"

    def _checked(self, line: str) -> str:
        return f'{line}\nif ($LASTEXITCODE) {{ throw "it ended with status $LASTEXITCODE" }}'

    def either(self, show: Sequence[str], update: Sequence[str], create: Sequence[str], slot: str) -> str:
        cert = f'"{slot}=$folder\\cert.pem"'
        return self._checked(
            f"{self.command(show)} 2>$null | Out-Null\n"
            f"if ($LASTEXITCODE -eq 0) {{ {self.command(update, cert)} }}\n"
            f"else {{ {self.command(create, cert)} }}"
        )

    def verification(self, named: Sequence[str], proof: Sequence[str]) -> str:
        verb = ["az", "iot", "dps", "certificate"]
        etag = self._checked(f"$etag = {self.command([*verb, 'show', *named, '--query=etag', '--output=tsv'])}")
        code = self.command(
            [*verb, "generate-verification-code", *named, "--query=properties.verificationCode", "--output=tsv"],
            '"--etag=$etag"',
        )
        hand_in = self.command([*verb, "verify", *named], '"--etag=$etag"', '"--path=$($proof.FullName)"')
        return "\n".join(
            [
                self._checked(self.command([*verb, "create", *named], '"--path=$folder\\cert.pem"')),
                etag,
                self._checked(f"$code = {code}"),
                self._checked(self.command(proof, '--out "$folder\\proof" -- $code')),
                '$proof = Get-Item -Path "$folder\\proof\\proof-*.pem"',
                etag,
                self._checked(hand_in),
            ]
        )

    def script(self, about: str, certificate: str, body: str) -> str:
        lines = [f"# {about}", f"# {_NEEDS}"]
        if not certificate:
            return "\n".join([*lines, body]) + "\n"
        lines += ['$folder = Join-Path $env:TEMP "eflowprov-$PID"', "New-Item -ItemType Directory $folder | Out-Null"]
        lines += ["try {", "@'", certificate.rstrip("\n"), '\'@ | Set-Content -Encoding Ascii "$folder\\cert.pem"']
        return "\n".join([*lines, body, "} finally { Remove-Item -Recurse -Force $folder }"]) + "\n"


def _writer(shell: Shell) -> _Bash | _PowerShell:
    return _PowerShell() if shell is Shell.POWERSHELL else _Bash()


def _harmless(word: str) -> str:
    if odd := _CMD_READS.search(word):
        why = f"{odd[0]!r} in it means something to cmd.exe, which reads az's arguments"
        raise InputError(word.partition("=")[0], why, "Take --emit az and run it in bash, or use another name")
    return word
