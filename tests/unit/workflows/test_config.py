"""The file of `run`: what is taken, what is refused in one line that names the place."""

from __future__ import annotations

import codecs
import json
from pathlib import Path

import jsonschema
import pytest

from eflowprov.errors import InputError
from eflowprov.workflows.config import RunConfig, load_config, schema, template

IDENTITY = '[identity]\nregistration_id = "press1"\nca = "pki"\nout = "out"\n'
DPS = '[dps]\nscope_id = "0ne00112233"\n'
GIVEN = '[identity]\nregistration_id = "press1"\ncert = "c.pem"\nkey = "k.pem"\n'


def load(folder: Path, text: str | bytes) -> RunConfig:
    path = folder / "run.toml"
    path.write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
    return load_config(path)


def test_the_template_is_taken_as_it_is(tmp_path: Path) -> None:
    """The files that it names need not be there yet: the authority may come later."""
    config = load(tmp_path, template())
    assert (config.identity.registration_id, config.dps.scope_id) == ("line4-press2", "0ne00112233")
    assert config.vm.channel == "auto" and config.verify.since == "1h" and not config.dps.register_first


def test_the_template_with_every_comment_taken_away_is_right_too(tmp_path: Path) -> None:
    lines = [line.removeprefix("# ") for line in template().splitlines()[1:] if "..." not in line]
    taken = [line for line in lines if not line.startswith(("ca =", "out ="))]
    config = load(tmp_path, "\n".join(taken))
    assert config.dps.register_first and config.vm.ssh == "172.27.120.111" and config.verify.expect == "deployed"


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_utf_8_with_and_without_a_mark_and_crlf_are_taken(tmp_path: Path, mark: bytes) -> None:
    text = (IDENTITY + DPS).replace("press1", "press1").replace("\n", "\r\n")
    assert load(tmp_path, mark + text.encode()).identity.registration_id == "press1"


def test_paths_are_seen_from_the_folder_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    elsewhere = (tmp_path / "elsewhere" / "pki").as_posix()
    text = f'[identity]\nregistration_id = "p"\nca = "{elsewhere}"\nout = "../out"\n{DPS}[report]\noutput = "r"\n'
    (tmp_path / "sub" / "run.toml").write_text(text, encoding="utf-8", newline="\n")
    monkeypatch.chdir(tmp_path)
    config = load_config(Path("sub/run.toml"))
    assert config.identity.ca == Path(elsewhere)
    assert config.identity.out is not None and config.identity.out.resolve() == (tmp_path / "out").resolve()
    assert config.report.output == tmp_path.resolve() / "sub" / "r"
    assert config.identity.cert is None and config.vm.ssh == ""


WRONG = {
    "unknown key": (IDENTITY + DPS + "[vm]\nshs = 1\n", "vm.shs: Extra inputs are not permitted"),
    "unknown section": (IDENTITY + DPS + "[vn]\n", "vn: Extra inputs are not permitted"),
    "no dps": (IDENTITY, "dps: Field required"),
    "empty": ("", "identity: Field required; dps: Field required"),
    "no id": ('[identity]\nca = "a"\nout = "b"\n' + DPS, "identity.registration_id: Field required"),
    "both": (IDENTITY + 'cert = "c"\nkey = "k"\n' + DPS, "identity: give either ca and out, or cert and key"),
    "neither": ('[identity]\nregistration_id = "p"\n' + DPS, "identity: give either ca and out, or cert and key"),
    "half": (GIVEN.replace('key = "k.pem"\n', "") + DPS, "identity: give either"),
    "one and a half": (IDENTITY + 'cert = "c"\n' + DPS, "identity: give either"),
    "type": (IDENTITY + DPS + '[dps.x]\ny = 1\n[verify]\ntimeout_s = "soon"\n', "verify.timeout_s: "),
    "list": (IDENTITY + DPS + "[vm]\nssh = [1]\n", "vm.ssh: "),
    "scope": (IDENTITY + '[dps]\nscope_id = "0ne;x"\n', "dps.scope_id: "),
    "scope newline": (IDENTITY + '[dps]\nscope_id = "0ne\\n"\n', "dps.scope_id: "),
    "channel": (IDENTITY + DPS + '[vm]\nchannel = "telnet"\n', "vm.channel: Input should be 'auto', 'ssh' or 'cmdlet'"),
    "host": (IDENTITY + DPS + '[host]\ntarget = "winrm://h"\n', "host.target: "),
    "expect": (IDENTITY + DPS + '[verify]\nexpect = "old"\n', "verify.expect: "),
    "since": (IDENTITY + DPS + '[verify]\nsince = "1 h"\n', "verify.since: "),
    "since digits": (IDENTITY + DPS + '[verify]\nsince = "١h"\n', "verify.since: "),
    "zero": (IDENTITY + DPS + "[provision]\ntimeout_s = 0\n", "provision.timeout_s: "),
    "nan": (IDENTITY + DPS + "[provision]\nevidence_s = nan\n", "provision.evidence_s: "),
    "inf": (IDENTITY + DPS + "[provision]\ntimeout_s = inf\n", "provision.timeout_s: "),
    "years": (IDENTITY + DPS + "[verify]\ntimeout_s = 1e300\n", "verify.timeout_s: "),
    "twice": (IDENTITY + IDENTITY + DPS, "is not valid TOML: "),
    "json": ('{"identity": {}}', "is not valid TOML: "),
    "nested": ("a = " + "[" * 100_000, "is not valid TOML: "),
    "latin-1": (IDENTITY.encode() + DPS.encode() + b"# \xe4\n", "is not valid TOML: "),
    "utf-16": ((IDENTITY + DPS).encode("utf-16"), "is not valid TOML: "),
    "binary": (bytes(range(256)), "is not valid TOML: "),
}


@pytest.mark.parametrize(("text", "place"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_one_line_that_names_the_file_and_the_place(
    tmp_path: Path, text: str | bytes, place: str
) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, text)
    said = str(caught.value)
    assert said.startswith(f"{tmp_path / 'run.toml'}: ") and place in said
    assert len(said.splitlines()) == 1 and "pydantic" not in said and caught.value.exit_status == 2


def test_every_problem_is_named_and_no_value_is_shown(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, IDENTITY + '[dps]\nscope_id = "hunter2!"\n[vm]\nchannel = "hunter3"\n')
    assert "dps.scope_id" in str(caught.value) and "vm.channel" in str(caught.value)
    assert "hunter" not in str(caught.value)


def test_a_file_that_is_not_there_or_far_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_config(tmp_path / "gone.toml")
    with pytest.raises(InputError, match="larger than"):
        load(tmp_path, b"#" * (2**20 + 1))


def test_the_schema_is_one_and_takes_what_the_loader_takes() -> None:
    import tomllib

    document = schema()
    jsonschema.Draft202012Validator.check_schema(document)
    validator = jsonschema.Draft202012Validator(json.loads(json.dumps(document)))
    assert validator.is_valid(tomllib.loads(template())) and validator.is_valid(tomllib.loads(GIVEN + DPS))
    assert not validator.is_valid(tomllib.loads(str(WRONG["unknown key"][0])))
    assert not validator.is_valid(tomllib.loads(str(WRONG["channel"][0])))


def test_every_field_of_the_schema_has_its_description() -> None:
    for name, section in schema()["$defs"].items():
        for field, told in section["properties"].items():
            assert told.get("description"), f"{name}.{field}"
