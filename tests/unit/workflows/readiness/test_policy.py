"""`--policy FILE`: read and checked before anything is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from eflowprov.checks.policy import Policy, Rule
from eflowprov.errors import InputError
from eflowprov.workflows.readiness.policy import load_policy

GOOD = """
[[rule]]
id = "iotedge-check/container-engine-*"
severity = "warn"
reason = "the plant
keeps its own logs"
""".replace("the plant\nkeeps", "the plant keeps")


def _write(folder: Path, text: str) -> Path:
    path = folder / "policy.toml"
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def test_rules_are_read_in_their_order_and_no_file_is_no_rule(tmp_path: Path) -> None:
    second = GOOD.replace("container-engine-*", "x").replace("warn", "ignore")
    policy = load_policy(_write(tmp_path, GOOD + second))
    assert policy.rules[0] == Rule("iotedge-check/container-engine-*", "warn", "the plant keeps its own logs")
    assert policy.rules[1].severity == "ignore"
    assert load_policy(None) == Policy() == load_policy(_write(tmp_path, ""))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[rule]", "is not valid TOML"),
        ('[[rule]]\nid = "x"\nseverity = "loud"\nreason = "r"', r"rule\.0\.severity"),
        ('[[rule]]\nid = "x"\nseverity = "warn"', r"rule\.0\.reason"),
        ('[[rule]]\nid = "x"\nseverity = "warn"\nreason = "  "', "the reason is empty"),
        ('[[rule]]\nid = ""\nseverity = "warn"\nreason = "r"', r"rule\.0\.id"),
        ('[[rule]]\nid = "x"\nseverity = "warn"\nreason = "r"\nuntil = 2030', r"rule\.0\.until"),
        ('[rules]\nx = "warn"', "rules"),
        ('[[rule]]\nid = "module/edgeAgent"\nseverity = "pass"\nreason = "r"', "carries the verdict"),
        ("\x00", "is not valid TOML"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InputError, match=told) as refused:
        load_policy(_write(tmp_path, text))
    assert "\n" not in str(refused.value) and "policy.toml" in str(refused.value)


def test_a_proof_may_be_made_graver_by_name(tmp_path: Path) -> None:
    text = '[[rule]]\nid = "provisioning/dps-assigned"\nseverity = "fail"\nreason = "no backups here"'
    assert load_policy(_write(tmp_path, text)).rules[0].severity == "fail"


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.toml"):
        load_policy(tmp_path / "none.toml")
    (tmp_path / "policy.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is not valid TOML"):
        load_policy(tmp_path / "policy.toml")
