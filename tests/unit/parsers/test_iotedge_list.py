"""`iotedge list`; the numbers are those of the deviations that the field shows."""

from __future__ import annotations

import pytest

from eflowprov.errors import ParseError
from eflowprov.model import Module, ModuleList
from eflowprov.parsers.iotedge_list import parse_list

AGENT = Module("edgeAgent", "running", "Up 2 minutes", "mcr.microsoft.com/azureiotedge-agent:1.5")
HUB = Module("edgeHub", "failed", "Failed (139) 3 minutes ago", "mcr.microsoft.com/azureiotedge-hub:1.5")
HEADING = "NAME             STATUS           DESCRIPTION      Config"
ROWS = (
    "edgeAgent        running          Up 2 minutes     mcr.microsoft.com/azureiotedge-agent:1.5\n"
    "edgeHub          failed           Failed (139) 3 minutes ago  mcr.microsoft.com/azureiotedge-hub:1.5\n"
)
BOTH = ModuleList((AGENT, HUB))


def test_the_documented_form_is_read() -> None:
    assert parse_list(f"{HEADING}\n{ROWS}") == BOTH


# 16
@pytest.mark.parametrize(
    "heading",
    [
        HEADING.replace("Config", "CONFIG"),
        "NAME STATUS DESCRIPTION CONFIG",
        f"**{HEADING}**",
        "**NAME**  **STATUS**  **DESCRIPTION**  **Config**",
        "  " + HEADING,
        "root@vm:~# iotedge list" + " " * 229 + HEADING,
        "user@vm:~$ sudo iotedge list\n" + HEADING + "   ",
    ],
)
def test_16_the_heading_in_every_shape_and_place(heading: str) -> None:
    assert parse_list(f"{heading}\n{ROWS}") == BOTH


@pytest.mark.parametrize(
    "below", ["", "\n", "\n\niotedge-user@vm [ ~ ]$ sudo iotedge check\n", "\nPS C:\\WINDOWS\\system32> \n"]
)
def test_16_the_heading_alone_is_an_empty_list(below: str) -> None:
    assert parse_list(HEADING + below) == ModuleList()


def test_16_rows_indented_differently_collapsed_or_wider_than_their_column() -> None:
    long_name = "a-module-with-a-long-name-indeed"
    text = (
        f"{HEADING}\n   edgeAgent  running   Up 2 minutes   img:1\n{long_name}  stopped  Stopped  img:2\n"
        "edgeHub running Up an hour img:3\nx\tdead\tDead\timg:4\n"
    )
    assert [(m.name, m.status, m.image) for m in parse_list(text).modules] == [
        ("edgeAgent", "running", "img:1"),
        (long_name, "stopped", "img:2"),
        ("edgeHub", "running", "img:3"),
        ("x", "dead", "img:4"),
    ]


def test_16_empty_lines_between_rows_and_words_behind_the_table() -> None:
    assert parse_list(f"{HEADING}\n\n" + ROWS.replace("\n", "\n\n") + "that was all\n") == BOTH


# 17
@pytest.mark.parametrize("status", ["running", "stopped", "failed", "dead", "unknown"])
def test_17_the_five_words_of_the_runtime(status: str) -> None:
    assert parse_list(f"{HEADING}\na  {status}  Unknown  img:1\n").modules[0].status == status


@pytest.mark.parametrize("row", ["a  backoff  Up 2 days  img:1", "a  Running  Up  img:1", "a backoff Up img:1"])
def test_17_any_other_status_is_refused(row: str) -> None:
    for gap in ("\n", "\n\n"):
        with pytest.raises(ParseError) as caught:
            parse_list(f"{HEADING}{gap}{row}\n")
        assert row.split()[1] in caught.value.why


@pytest.mark.parametrize(
    "description",
    [
        "Up",
        "Up 5 seconds",
        "Up a minute",
        "Up 2 days",
        "Stopped",
        "Stopped 3 hours ago",
        "Failed",
        "Failed (139) 0 seconds ago",
        "Unknown",
    ],
)
def test_17_descriptions(description: str) -> None:
    assert parse_list(f"{HEADING}\na  running  {description}  img:1\n").modules[0].description == description
    assert parse_list(f"{HEADING}\na running {description} img:1\n").modules[0].description == description


def test_a_row_that_was_cut_off_is_refused() -> None:
    for end in range(1, ROWS.index("mcr")):
        with pytest.raises(ParseError):
            parse_list(f"{HEADING}\n{ROWS[:end]}")


# 18
def test_18_the_order_is_kept() -> None:
    text = f"{HEADING}\nzulu  running  Up  img:1\nalpha  running  Up  img:2\n"
    assert [module.name for module in parse_list(text).modules] == ["zulu", "alpha"]


# 19
@pytest.mark.parametrize("indent", ["\t", "        ", ""])
@pytest.mark.parametrize("stop", ["", "."])
def test_19_an_error_and_its_causes(indent: str, stop: str) -> None:
    text = (
        f"user@vm:~$ iotedge list\nA module runtime error occurred{stop}\n"
        f"{indent}caused by: Could not list modules{stop}\n"
        f"{indent}caused by: Connection refused (os error 111){stop}\n\n"
    )
    assert parse_list(text).failure == (
        "A module runtime error occurred",
        "Could not list modules",
        "Connection refused (os error 111)",
    )


def test_19_an_error_below_the_heading_is_kept_beside_the_rows() -> None:
    found = parse_list(f"{HEADING}\n{ROWS}A module runtime error occurred\n\tcaused by: x\n")
    assert found == ModuleList((AGENT, HUB), ("A module runtime error occurred", "x"))


def test_19_another_message_with_causes_is_a_failure_too() -> None:
    assert parse_list("Could not start\n\tcaused by: no socket\n").failure == ("Could not start", "no socket")


def test_colours_that_lost_their_escape_byte_are_no_text() -> None:
    assert (
        parse_list("[[0;1;31mA module runtime error occurred[[0m\n\tcaused by: x\n").failure[0].startswith("A module")
    )


@pytest.mark.parametrize(
    "text", ["", " \n", "sudo: iotedge: command not found\n", "NAME  STATUS\n", "edgeAgent running"]
)
def test_anything_else_is_refused_with_its_first_words(text: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_list(text)
    assert "it is empty" in caught.value.why or text.split()[0] in caught.value.why


@pytest.mark.parametrize("row", ["two words        running", "a                running"])
def test_a_name_or_an_image_with_blanks_is_refused(row: str) -> None:
    with pytest.raises(ParseError, match="blanks"):
        parse_list(f"{HEADING}\n{row}          Up 2 minutes     {'x:1' if 'two' in row else 'an image'}\n")


@pytest.mark.parametrize("prompt", ["$ exit", "# sudo iotedge check", "$", "# ", "/home/pi# ", "[user@vm ~]$ ls"])
def test_a_prompt_ends_the_table(prompt: str) -> None:
    assert parse_list(f"{HEADING}\n{ROWS}{prompt}\n") == BOTH


def test_19_a_cause_of_several_lines_is_whole() -> None:
    text = "A module runtime error occurred\n\tcaused by: it said:\n\t           no such file\n\nuser@vm:~$ \n"
    assert parse_list(text).failure == ("A module runtime error occurred", "it said:\nno such file")
