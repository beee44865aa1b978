"""Shell prompts and markdown fences, which stand around pasted outputs and belong to none of them."""

from __future__ import annotations

import re

_PROMPT = re.compile(
    r"""\s*+[`>]{0,4}\s*+(?:
        PS\s[^>\n]{0,200}>                                   # PowerShell: PS C:\Users\x>
      | [A-Za-z]:\\[^>\n]{0,200}>                            # cmd
      | [\w.+-]{1,64}@[\w.+-]{0,64}\s?[:\[~/ ][^$\#%\n]{0,200}[$\#%](?=\s|$)   # user@host:~$, user@host [ ~ ]$
      | \[[\w.+-]{1,64}@[^\]\n]{0,200}\][$\#](?=\s|$)        # [user@host ~]$
      | [~/][\w./~-]{0,200}[$\#](?=\s|$)                     # /home/pi#
      | [$\#%]\s+(?:sudo|iotedge|aziotctl|journalctl|systemctl|docker|exit|cat|ls|cd)\b
      | [$\#%]\s*$
    )""",
    re.VERBOSE,
)
_FENCE = re.compile(r"\s*(?:`{3,}[\w-]*|</?(?:details|summary|pre|code)>.{0,80})\s*$")
_QUOTED = re.compile(r"(?m)^(?:[ \t]*+> ?){1,4}")


def is_prompt(line: str) -> bool:
    """Whether the line begins with the prompt of a shell."""
    return _PROMPT.match(line) is not None


def is_fence(line: str) -> bool:
    """Whether the line is markdown's or a ticket's frame around a paste."""
    return _FENCE.match(line) is not None


def unquoted(text: str) -> str:
    """The text without a mail's or markdown's `> ` in front of its lines (iotedge#4580 quotes the first alone)."""
    return _QUOTED.sub("", text)


def is_around(line: str) -> bool:
    """Whether the line is empty, a prompt or a frame: nothing of an output."""
    return not line.strip() or is_fence(line) or is_prompt(line)
