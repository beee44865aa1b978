"""`--policy FILE`: a site's own severities, read from TOML and checked before anything is touched."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from eflowprov.checks.policy import PROOFS, Policy, Rule
from eflowprov.errors import InputError
from eflowprov.workflows.disk.files import read_limited

_LIMIT = 2**18
_FORM = "Each rule is [[rule]] with id, severity (fail, warn, pass or ignore) and reason; see docs/report.md"


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(min_length=1, max_length=200, description="A finding's id, or a glob of ids.")]
    severity: Annotated[Literal["fail", "warn", "pass", "ignore"], Field(description="What it counts as here.")]
    reason: Annotated[str, Field(min_length=1, max_length=500, description="Why; shown in the report.")]

    @model_validator(mode="after")
    def _proofs_stay(self) -> _Rule:
        if self.id in PROOFS and self.severity != "fail":
            raise ValueError(f"{self.id} carries the verdict and can be made graver only")
        if not self.reason.strip():
            raise ValueError("the reason is empty")
        return self


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: Annotated[tuple[_Rule, ...], Field(max_length=1000)] = ()


def load_policy(path: Path | None) -> Policy:
    """Read a policy file; no file, no rules. InputError, in one line, for one that cannot be used."""
    if path is None:
        return Policy()
    try:
        data = tomllib.loads(read_limited(path, _LIMIT).decode("utf-8-sig"))
        rules = _File.model_validate(data).rule
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(str(path), f"is not valid TOML: {error}", _FORM) from None
    except ValidationError as error:
        raise InputError(str(path), _problems(error), _FORM) from None
    return Policy(tuple(Rule(rule.id, rule.severity, " ".join(rule.reason.split())) for rule in rules))


def _problems(error: ValidationError) -> str:
    places = (
        (".".join(map(str, problem["loc"])) or "the file", problem["msg"].removeprefix("Value error, "))
        for problem in error.errors(include_input=False, include_url=False)
    )
    return "; ".join(f"{place}: {message}" for place, message in places)
