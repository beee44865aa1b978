"""The rules about the private key beside the certificate, and about its file."""

from __future__ import annotations

from eflowprov.checks.certificate_case import ESF, Case, Judged, Rule, failed, passed, shown, skipped, warned

_NO_KEY = "No private key was given with the certificate."
_UNREADABLE = {
    "der": "it is DER, and the runtime reads PEM alone",
    "utf-16": "it is UTF-16 text, as PowerShell's > and Out-File write it",
    "bom": "it begins with a byte order mark, which OpenSSL before 3.0 does not pass over",
    "cr": "its lines end in CR alone",
    "dash-line": "a BEGIN or END line is no line of its own",
    "blank-line": "an empty line stands inside the key",
}
_ESF_UNREADABLE = {
    "trailing": "white space stands behind the last dash line, which ESF's text box does not take",
    "text-after": "text stands behind the last dash line, which ESF's text box does not take",
    "text-before": "text stands before the first dash line, which ESF's text box does not take",
}


def _key_match(case: Case) -> Judged:
    match case.bundle.key_matches:
        case None if case.bundle.key_encrypted:
            return skipped("The private key is encrypted and was not opened.")
        case None:
            return skipped(_NO_KEY)
        case True:
            return passed(f"The private key ({case.bundle.key_type}) is the certificate's.")
        case _:
            return failed(
                f"The private key ({case.bundle.key_type}) belongs to another certificate. The runtime's service ends "
                "with 'key values mismatch', or the TLS connection fails before DPS answers (iotedge#3260).",
                "Give the key that was made with this certificate: its name begins with the same registration ID.",
                shown(case.leaf),
            )


def _key_encrypted(case: Case) -> Judged:
    if case.bundle.key_encrypted is None:
        return skipped(_NO_KEY)
    if not case.bundle.key_encrypted:
        return passed("The private key is not encrypted, so that the runtime can read it unattended.")
    if case.profile == ESF:
        return passed("The private key is encrypted. Enter its passphrase beside the key in ESF's settings.")
    return failed(
        "The private key needs a passphrase. The runtime reads it unattended and has none, so that its services do "
        "not start and the device never gets as far as DPS.",
        "Give the key without a passphrase, for the VM alone: openssl pkey -in KEY -out PLAIN-KEY.",
    )


def _key_file(case: Case) -> Judged:
    if case.bundle.key_encrypted is None:
        return skipped(_NO_KEY)
    unreadable = _UNREADABLE | (_ESF_UNREADABLE if case.profile == ESF else {})
    wrong = [said for quirk, said in unreadable.items() if quirk in case.bundle.key_quirks]
    if not wrong:
        return passed("The private key's file can be read where it is needed.")
    return failed(
        f"The private key's file cannot be used as it is: {'; '.join(wrong)}. The runtime finds no key in it, and "
        "the device never gets as far as DPS.",
        "Write it as plain PEM: openssl pkey -in KEY -out PLAIN-KEY (with -inform DER when it is binary).",
    )


def _key_count(case: Case) -> Judged:
    if case.bundle.key_encrypted is None:
        return skipped(_NO_KEY)
    if "several-keys" not in case.bundle.key_quirks:
        return passed("One private key.")
    return warned(
        "The file holds several private keys. The runtime takes the first, which is judged here; with the wrong one "
        "the TLS connection fails before DPS answers.",
        "Leave the device's key alone in the file.",
    )


def _key_access(case: Case) -> Judged:
    if case.access is None:
        return skipped("Who can read the private key's file was not looked at.")
    if not case.access.readers:
        return passed("Only its owner, administrators and the system can read the private key.", case.access.shown)
    posix = "chmod 600 KEY"
    windows = "icacls KEY /inheritance:r /grant:r %USERNAME%:F *S-1-5-32-544:F *S-1-5-18:F"
    return warned(
        f"Besides its owner, {' and '.join(case.access.readers)} can read the private key. Whoever copies it can "
        "register with DPS as this device.",
        f"Take the rights away: {posix if case.access.shown.startswith('mode') else windows}.",
        f"{case.access.path}: {case.access.shown}",
    )


def _key_unused(case: Case) -> Judged:
    kind = case.bundle.key_type or "encrypted, and not opened"
    return warned(
        f"This private key ({kind}) belongs to none of the certificates that were given. A device that is set up with "
        "it and one of them does not get as far as DPS.",
        "Leave it out, or give its certificate too.",
    )


RULES = (
    Rule("key-match", "the private key belongs to the certificate", _key_match),
    Rule("key-encrypted", "the private key can be read where it is needed", _key_encrypted),
    Rule("key-file", "the private key's file is plain PEM", _key_file),
    Rule("key-count", "there is one private key", _key_count),
)
ACCESS = Rule("key-access", "the private key is its owner's alone", _key_access)
UNUSED = Rule("key-unused", "every private key has its certificate", _key_unused)
