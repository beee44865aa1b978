"""One program in the VM through `Invoke-EflowVmCommand`: the command text that asks for it, and its answer read back.

The cmdlet throws on an exit status other than 0 and loses the output (iotedge-eflow#307), takes standard error for
errors (iotedge-eflow#13), and its text passes two shells. So the text is base64 of a script, which always ends with 0
and prints one envelope: exit status and both streams, in characters that no shell, code page or line end changes.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from string import Template

from eflowprov.errors import BridgeError, InputError, TransportError
from eflowprov.model import CommandResult
from eflowprov.transports.shell import deadline_note, ended_by_guard, guarded_command, whole_seconds

MAX_TEXT = 30_000
"""Windows starts a program with at most 32,767 characters (CreateProcessW); the rest is left to the cmdlet's own."""

SCRIPT = Template(r"""{
exec 2>/dev/null
nonce=$nonce limit=$limit cap=$cap
name=eflowprov.$$nonce.XXXXXX
made=$$(mktemp -d "/tmp/$$name" 2>&1) || made=$$(mktemp -d "/var/tmp/$$name" 2>&1) || {
  printf '#vm:%s:no-folder:%s:%s:vm#\n' "$$nonce" "$$(printf %s "$$made" | base64)" "$$nonce"
  exit 0
}
trap 'rm -rf "$$made"' EXIT
trap 'exit 0' HUP INT PIPE TERM
keep() { head -c "$$((cap + 1))" >"$$made/$$1"; wc -c >"$$made/$$1.rest"; }
size() { echo "$$(($$(wc -c <"$$made/$$1") + $$(cat "$$made/$$1.rest")))"; }
text() { head -c "$$cap" "$$made/$$1" | base64; }
seconds() { read -r up idle </proc/uptime; echo "$${up%%.*}"; }
program() {
$command
}
begun=$$(seconds)
{
  { { program; echo "$$?" >"$$made/status"; } 2>&1 >&3 3>&- | keep err 3>&-; } 3>&1 | keep out
} &
wait "$$!"
numbers=$$(cat "$$made/status"):$$(($$(seconds) - begun)):$$limit:$$cap:$$(size out):$$(size err)
printf '#vm:%s:%s:\n' "$$nonce" "$$numbers"
text out
echo :
text err
printf ':%s:%s:vm#\n' "$$numbers" "$$nonce"
exit 0
}
""")
"""For dash, bash and busybox. Braces around all of it: the shell reads it whole before it runs any of it.

`keep` takes one byte more than the cap and only counts the rest, so a gigabyte never lands in the VM's /tmp. `wait`
lets a signal remove the folder at once; the program itself is ended by its guard. The numbers stand at both ends of
the answer, because the streams' sizes prove the streams and nothing else proves the numbers.
"""

_ANSWER = re.compile(r"((?:[0-9]+:){6})([A-Za-z0-9+/=]*):([A-Za-z0-9+/=]*):\1")


def marks(nonce: str) -> tuple[str, str]:
    """What stands before and after the answer."""
    return f"#vm:{nonce}:", f":{nonce}:vm#"


def wrap(argv: Sequence[str], *, nonce: str, timeout_s: float, cap: int) -> str:
    """The text for `Invoke-EflowVmCommand -command` that runs `argv` and prints its envelope, marked with `nonce`.

    `nonce` is letters and digits, fresh for each command; `cap` is in bytes a stream. The command may take up to
    `timeout_s`, rounded up, and five seconds more when it ignores SIGTERM. Raises `InputError` for arguments that
    cannot be passed, or are too long for a Windows command line.
    """
    if not re.fullmatch(r"[0-9A-Za-z]{8,64}", nonce):
        raise ValueError("a nonce has 8 to 64 letters and digits")
    script = SCRIPT.substitute(
        nonce=nonce, limit=whole_seconds(timeout_s), cap=cap, command=guarded_command(argv, timeout_s)
    )
    text = f"echo {base64.b64encode(script.encode()).decode('ascii')} | base64 -d | sh"
    if len(text) > MAX_TEXT:
        raise InputError(
            f"command {argv[0]!a:.80}",
            f"its arguments make a command line of {len(text)} characters, Windows takes {MAX_TEXT} here",
            "Use fewer or shorter arguments, or --channel ssh",
        )
    return text


def unwrap(lines: Sequence[str], *, nonce: str, argv: Sequence[str], duration_s: float) -> CommandResult:
    """The result in what the cmdlet printed, among noise and however its lines were broken.

    Raises `BridgeError` when the envelope is missing, doubled or torn, `TransportError` when the VM could not keep
    the output (and so did not start the program).
    """
    text = re.sub(r"\s+", "", "".join(lines))
    begin, end = marks(nonce)
    if text.count(begin) != 1 or text.count(end) != 1:
        raise _torn(f"{text.count(begin)} beginnings and {text.count(end)} ends of an answer", lines)
    answer = text.partition(begin)[2].partition(end)[0]
    if answer.startswith("no-folder:"):
        reason = _stream(answer.partition(":")[2], lines).decode("utf-8", errors="replace")
        raise TransportError(
            "the VM", f"no folder can be made for the output: {reason}", "Free space there (df -h /tmp /var/tmp)"
        )
    fields = _ANSWER.fullmatch(f"{answer}:")
    if not fields:
        raise _torn("an answer in an unknown form", lines)
    status, ran, limit, cap, out_size, err_size = (int(number) for number in fields[1][:-1].split(":"))
    out, err = _stream(fields[2], lines), _stream(fields[3], lines)
    if (len(out), len(err)) != (min(out_size, cap), min(err_size, cap)):
        raise _torn("an answer of which a part is missing", lines)
    late = ended_by_guard(status, ran, limit)
    return CommandResult(
        argv=tuple(argv),
        status=None if late else status,
        stdout=out,
        stderr=err,
        duration_s=duration_s,
        note=deadline_note(limit) if late else "",
        dropped=out_size - len(out) + err_size - len(err),
    )


def _stream(text: str, lines: Sequence[str]) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise _torn("an answer that is not whole", lines) from None


def _torn(seen: str, lines: Sequence[str]) -> BridgeError:
    first = next((line.strip() for line in lines if line.strip()), "nothing")
    return BridgeError(
        "Invoke-EflowVmCommand",
        f"it gave {seen}; the first line seen is {first!a:.80}",
        "Try again; if it stays so, check that Connect-EflowVm works and that /tmp in the VM has room",
    )
