"""The rules about the file itself: would OpenSSL in the VM, and ESF's text boxes, see what a person sees in it?

What OpenSSL takes was tried with Python's `load_cert_chain` on OpenSSL 3.0; the byte order mark is openssl#10112.
"""

from __future__ import annotations

from eflowprov.checks.certificate_case import ESF, Case, Judged, Rule, failed, passed, warned
from eflowprov.model import Finding, Outcome

_KINDS = {
    "der": ("DER", "openssl x509 -inform DER -in FILE -out chain.pem"),
    "pfx": (
        "a PFX",
        "openssl pkcs12 -in FILE -nokeys -out chain.pem; its key: openssl pkcs12 -in FILE -nocerts -nodes",
    ),
    "pkcs7": ("PKCS#7", "openssl pkcs7 -print_certs -in FILE -out chain.pem (with -inform DER when it is binary)"),
}
_PLAIN = "Write it as plain PEM, as certs device does: UTF-8 without a mark, LF line ends, each dash line on its own."


def _file_kind(case: Case) -> Judged:
    if case.bundle.kind not in _KINDS:
        return passed("It is PEM.")
    kind, command = _KINDS[case.bundle.kind]
    return failed(
        f"The file is {kind}, and the runtime reads PEM alone: its certificate service does not start, so that the "
        "device never gets as far as DPS. For an enrollment DPS takes PEM and DER (.cer), no other.",
        f"Turn it into PEM: {command}.",
    )


def _byte_order_mark(case: Case) -> Judged:
    if "utf-16" in case.bundle.quirks:
        return failed(
            "The file is UTF-16 text, as PowerShell's > and Out-File write it. OpenSSL sees no certificate in it, so "
            "that the device never gets as far as DPS.",
            "Write it with Set-Content -Encoding Ascii, or copy the file itself.",
        )
    if "bom" in case.bundle.quirks:
        return failed(
            "The file begins with a byte order mark. OpenSSL before 3.0 skips the first certificate and takes the next "
            "one: the issuing CA is then the device's identity, and its key does not match.",
            "Write it without the mark: Set-Content -Encoding Ascii.",
        )
    return passed("No byte order mark.")


def _line_ends(case: Case) -> Judged:
    if "cr" in case.bundle.quirks:
        return failed(
            "Lines end in CR alone, as old Macs wrote them. OpenSSL sees no certificate in the file, so that the "
            "device never gets as far as DPS.",
            _PLAIN,
        )
    if "crlf" in case.bundle.quirks:
        return warned(
            "Lines end in CRLF, as Windows writes them. OpenSSL and DPS take that; scripts in the VM may not.",
            "Write it with LF when it is made anew, as certs device does.",
        )
    return passed("Lines end in LF.")


def _dash_lines(case: Case) -> Judged:
    if "dash-line" in case.bundle.quirks:
        return failed(
            "A BEGIN or END line is no line of its own (two files glued together without a line end, or indented?). "
            "OpenSSL does not see that certificate, so that the chain which reaches DPS has a gap, or nothing does.",
            _PLAIN,
        )
    if "blank-line" in case.bundle.quirks:
        return failed(
            "An empty line stands inside a certificate. OpenSSL refuses the file, so that the device never gets as far "
            "as DPS.",
            _PLAIN,
        )
    return passed("Every dash line is a line of its own, without gaps in between.")


def _text_around(case: Case) -> Judged:
    places = {
        "text-before": "before the first dash line",
        "text-between": "between the certificates",
        "text-after": "behind the last dash line",
    }
    found = [said for quirk, said in places.items() if quirk in case.bundle.quirks]
    if not found:
        return passed("Nothing but certificates.")
    judged = failed if case.profile == ESF and "text-after" in case.bundle.quirks else warned
    return judged(
        f"Text stands {' and '.join(found)}. OpenSSL and DPS pass over it; text boxes of portals and of ESF do not.",
        "Leave out what is not between a BEGIN and an END line.",
    )


def _trailing(case: Case) -> Judged:
    if "trailing" not in case.bundle.quirks:
        return passed("Nothing stands behind the last dash line.")
    if case.profile == ESF:
        return failed(
            "White space stands behind the last dash line. Pasted into ESF's text box it makes the connection fail.",
            "Take the text up to the last dash: eflowprov certs export --to esf writes exactly that.",
        )
    return warned(
        "White space stands behind the last dash line. OpenSSL and DPS pass over it; ESF's text box does not.",
        "End the file with one line end behind the last dash.",
    )


def _key_inside(case: Case) -> Judged:
    if "key-inside" not in case.bundle.quirks:
        return passed("No private key is among the certificates.")
    return warned(
        "The file holds the private key too. Uploaded to DPS for an enrollment, or sent to somebody, it takes the "
        "device's secret along.",
        "Keep the key in a file of its own.",
    )


RULES = (
    Rule("file-kind", "the file is PEM", _file_kind),
    Rule("byte-order-mark", "the text has no byte order mark", _byte_order_mark),
    Rule("line-ends", "lines end in LF", _line_ends),
    Rule("dash-lines", "every dash line is a line of its own", _dash_lines),
    Rule("text-around", "nothing but certificates is in the file", _text_around),
    Rule("trailing", "nothing stands behind the last dash line", _trailing),
    Rule("key-inside", "the private key is not in the file", _key_inside),
)


def judge_other_kind(source: str, why: str, next_step: str) -> Finding:
    """The finding about a file that is whole and holds no certificate: `why` says what it is."""
    return Finding(
        "certificate/file-kind",
        "the file is PEM",
        Outcome.FAIL,
        f"There is no certificate in the file: {why}. The runtime has no identity to show to DPS.",
        f"{next_step}.",
        source=source,
    )
