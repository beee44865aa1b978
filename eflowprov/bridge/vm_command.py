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
from dataclasses import dataclass
from string import Template

from eflowprov.errors import BridgeError, InputError, TransportError
from eflowprov.model import CommandResult
from eflowprov.transports.shell import deadline_note, ended_by_guard, guarded_command, whole_seconds

MAX_TEXT = 30_000
"""Windows starts a program with at most 32,767 characters (CreateProcessW); the rest is left to the cmdlet's own."""

SCRIPT = Template(r"""{
exec 2>/dev/null
nonce=$nonce limit=$limit cap=$cap
umask 077
made=$$(mktemp -d /tmp/eflowprov.XXXXXXXXXX 2>&1) || made=$$(mktemp -d /var/tmp/eflowprov.XXXXXXXXXX 2>&1) || {
  printf '##EFP:%s:no-folder:%s:EFP##\n' "$$nonce" "$$(printf %s "$$made" | base64)"
  exit 0
}
trap 'rm -rf "$$made"' EXIT
trap 'exit 0' HUP INT PIPE TERM
cd "$$made"
keep() { head -c "$$((cap + 1))" >"$$1"; wc -c >"$$1.rest"; }
size() { echo "$$(($$(wc -c <"$$1") + $$(cat "$$1.rest")))"; }
seconds() { read -r up rest </proc/uptime; echo "$${up%%.*}"; }
program() {
cd "$$OLDPWD"
$command
}
start=$$(seconds)
{
  { { { program; echo "$$?" >&4; } 2>&1 >&3 3>&- 4>&4 | keep err 3>&- 4>&-; } 3>&1 | keep out 4>&-; } 4>status
} &
wait "$$!"
printf '##EFP:%s:%s:%s:%s:%s:%s:%s:\n' \
  "$$nonce" "$$(cat status)" "$$(($$(seconds) - start))" "$$limit" "$$cap" "$$(size out)" "$$(size err)"
head -c "$$cap" out | base64
echo :
head -c "$$cap" err | base64
echo :EFP##
exit 0
}
""")
