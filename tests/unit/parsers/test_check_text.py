"""The text form of `iotedge check`; the numbers are those of the deviations that the field shows."""

from __future__ import annotations

import pytest

from eflowprov.errors import ParseError
from eflowprov.model import CheckOutcome, CheckReport
from eflowprov.parsers.iotedge_check import parse_check

OK, WARNING, ERROR = CheckOutcome.OK, CheckOutcome.WARNING, CheckOutcome.ERROR
SKIPPED, FATAL = CheckOutcome.SKIPPED, CheckOutcome.FATAL

WHOLE = """
Configuration checks (aziot-identity-service)
---------------------------------------------
√ keyd configuration is well-formed - OK
‼ host time is close to reference time - Warning
    Could not query NTP server

Configuration checks
--------------------
× production readiness: Edge Hub's storage directory is persisted on the host filesystem - Error
    Could not check current state of edgeHub container

Connectivity checks
-------------------
√ container on the default network can connect to upstream AMQP port - OK
2 check(s) succeeded.
1 check(s) raised warnings. Re-run with --verbose for more details.
1 check(s) raised errors. Re-run with --verbose for more details.
3 check(s) were skipped due to errors from other checks. Re-run with --verbose for more details.
"""
HUB_STORAGE = "edge-hub-storage-mounted-from-host"


def outcomes(report: CheckReport) -> dict[str, CheckOutcome]:
    return {check.id: check.outcome for check in report.checks}


def expect_whole(text: str) -> None:
    report = parse_check(text)
    assert outcomes(report) == {
        "keyd-config-well-formed": OK,
        "host-local-time": WARNING,
        HUB_STORAGE: ERROR,
        "container-default-connect-upstream-amqp": OK,
    }
    assert report.complete and report.form == "text"
    assert [check.details for check in report.checks if check.details] == [
        ("Could not query NTP server",),
        ("Could not check current state of edgeHub container",),
    ]


def refused(text: str) -> str:
    with pytest.raises(ParseError) as caught:
        parse_check(text)
    return caught.value.why


def test_the_documented_form_is_read() -> None:
    expect_whole(WHOLE)
    report = parse_check(WHOLE)
    assert report.totals == {"ok": 2, "warning": 1, "error": 1, "skipped": 3}
    assert report.skipped_unlisted == 3


# 1
def test_1_without_suffixes_the_mark_tells_the_result() -> None:
    report = parse_check(
        "Configuration checks\n--------------------\n"
        "√ config.yaml is well-formed\n"
        "× config.yaml has well-formed connection string\n    It is not manual\n"
        "‼ production readiness: certificates\n    Quick start\n"
        "√ a check of an unknown version\n\nOne or more checks raised errors\n"
    )
    assert list(outcomes(report).values()) == [OK, ERROR, WARNING, OK]
    assert report.checks[1].details == ("It is not manual",)
    assert report.complete and not report.totals


def test_1_a_closing_sentence_that_the_lines_belie_is_not_complete() -> None:
    assert not parse_check("√ DNS server\nOne or more checks raised errors\n").complete
    assert not parse_check("‼ DNS server\nAll checks succeeded\n").complete
    assert not parse_check("√ DNS server\n").complete
    assert parse_check("√ DNS server\nAll checks succeeded\n").complete


def test_1_without_suffix_and_without_a_mark_that_tells_it_is_refused() -> None:
    for text in ("DNS server\nconfig.yaml is well-formed\n", "? DNS server\n? config.yaml is well-formed\n"):
        why = refused(text)
        assert "neither a readable mark nor a suffix" in why and text.split("\n")[0] in why


# 2
@pytest.mark.parametrize("page", ["cp437", "cp850", "cp1250", "cp1251", "latin-1"])
def test_2_utf8_read_in_another_code_page(page: str) -> None:
    expect_whole(WHOLE.encode().decode(page, "replace"))


def test_2_utf8_read_as_windows_1252() -> None:
    text = "".join({"√": "âˆš", "‼": "â€¼", "×": "Ã—"}.get(char, char) for char in WHOLE)
    expect_whole(text)


@pytest.mark.parametrize("lost", ["\ufffd\ufffd", "\ufffd\ufffd "])
def test_2_two_replacement_characters_before_every_mark(lost: str) -> None:
    text = WHOLE
    for mark in "√‼×":
        text = text.replace(mark, lost + mark)
    expect_whole(text)


def test_2_a_pager_showed_the_bytes() -> None:
    expect_whole(WHOLE.replace("√", "<E2><88><9A>").replace("×", "<C3><97>").replace("‼", "<E2><80><BC>"))


def test_2_a_console_without_unicode() -> None:
    expect_whole(WHOLE.replace("√", "v").replace("‼", "?").replace("×", "x"))
    expect_whole(WHOLE.replace("√", "?").replace("‼", "?").replace("×", "?"))


def test_2_markdown_instead_of_the_mark() -> None:
    expect_whole(WHOLE.replace("× ", "### "))


def test_2_no_mark_at_all() -> None:
    expect_whole(WHOLE.replace("√ ", "").replace("‼ ", "").replace("× ", ""))


def test_2_a_tab_before_the_mark() -> None:
    expect_whole(WHOLE.replace("× ", "\t× "))


def test_2_quoted_lines() -> None:
    expect_whole(WHOLE.replace("√", "> √"))
    expect_whole("".join(f"> {line}\n" for line in WHOLE.splitlines()))


def test_2_code_page_437_bytes_without_suffix() -> None:
    report = parse_check(
        "û config.yaml is well-formed\n\x13 DNS server\nx container engine is installed and functional\n"
    )
    assert list(outcomes(report).values()) == [OK, WARNING, ERROR]


# 3
@pytest.mark.parametrize("blanks", [1, 65, 229])
def test_3_the_first_heading_stands_on_the_line_of_the_command(blanks: int) -> None:
    expect_whole("iotedge-user@vm [ ~ ]$ sudo iotedge check" + " " * blanks + WHOLE.lstrip())


def test_3_headings_glued_to_the_line_before() -> None:
    expect_whole(WHOLE.replace("port - OK", "port - OK").replace("\n\nConnectivity checks", " Connectivity checks"))
    expect_whole(WHOLE.replace("- OK\n", "- OK Configuration checks\n---------\n", 1))


def test_3_the_first_heading_is_missing() -> None:
    expect_whole(WHOLE.split("-\n", 1)[1])


def test_3_the_heading_is_indented_and_its_dashes_are_not() -> None:
    expect_whole(WHOLE.replace("Configuration", "    Configuration").replace("Connectivity", "\tConnectivity"))


def test_3_markdown_ate_the_dash_lines() -> None:
    expect_whole("\n".join(line for line in WHOLE.splitlines() if set(line) != {"-"}))


def test_3_an_unknown_heading_is_no_detail() -> None:
    report = parse_check("× DNS server - Error\n    No server\nSecurity checks\n---------------\n√ logs of x - OK\n")
    assert report.checks[0].details == ("No server",)


def test_3_all_line_ends_lost() -> None:
    report = parse_check(" ".join(WHOLE.split("\n")))
    assert list(outcomes(report).values()) == [OK, WARNING, ERROR, OK]
    assert report.complete


# 4
@pytest.mark.parametrize(
    "broken",
    [
        "por" + " " * 129 + "t - OK",
        "port - O" + " " * 129 + "K",
        "port -" + " " * 130 + "OK",
        "por\nt - OK",
        "port -\nOK",
    ],
)
def test_4_a_line_longer_than_the_terminal(broken: str) -> None:
    expect_whole(WHOLE.replace("port - OK", broken))


def test_4_a_row_that_was_full_at_a_blank_keeps_the_blank() -> None:
    text = "‼ DNS server - Warning\n    first mid" + " " * 129 + "dle and" + " " * 130 + "last\n"
    assert parse_check(text).checks[0].details == ("first middle and last",)


# 5
@pytest.mark.parametrize("indent", [0, 3, 8])
def test_5_details_have_any_indent(indent: int) -> None:
    expect_whole(WHOLE.replace("\n    Could", "\n" + " " * indent + "Could"))


def test_5_causes_have_any_indent() -> None:
    for indent in (0, 6, 8):
        report = parse_check(
            "× DNS server - Error\nNo\n" + " " * indent + "caused by: a\n" + " " * indent + "caused by: b\n"
        )
        assert report.checks[0].details == ("No", "a", "b")


# 6
def test_6_the_first_cause_that_repeats_the_headline_is_dropped() -> None:
    report = parse_check(
        "× identityd config toml file specifies a valid hostname - Error\n"
        "    The hostname is a.\n    It should be b.\n"
        "        caused by: The hostname is a.\n"
        "                   It should be b.\n"
        "        caused by: os error 2\n"
    )
    assert report.checks[0].details == ("The hostname is a.\nIt should be b.", "os error 2")


def test_6_up_to_1_2_the_first_cause_is_one() -> None:
    assert parse_check("× DNS server - Error\n    No\n        caused by: os error 2\n").checks[0].details == (
        "No",
        "os error 2",
    )


# 7
def test_7_an_empty_line_and_caused_by_with_a_capital() -> None:
    report = parse_check(
        "× read all preloaded certificates from the Certificates Service - Error\n"
        '    could not load cert "x"\n\n'
        '    Caused by:\n        parameter "id" is invalid\n        caused by: not found\n'
        "√ check all EST server URLs utilize HTTPS - OK\n"
    )
    assert report.checks[0].details == ('could not load cert "x"', 'parameter "id" is invalid', "not found")
    assert report.checks[1].outcome is OK


def test_7_a_bulleted_list_between_empty_lines() -> None:
    list_of_rules = "    Not RFC 1035.\n\n    - Short.\n    - Letters.\n\n"
    text = f"‼ config.yaml has correct hostname - Warning\n{list_of_rules}√ DNS server - OK\n"
    assert parse_check(text).checks[0].details == ("Not RFC 1035.\n- Short.\n- Letters.",)


def test_7_pull_progress_and_countdowns_and_dotnet_text() -> None:
    lines = [f"    {n:012x}: Pulling fs layer" for n in range(60)]
    lines += ["    Retrying in 4 seconds", "    Unhandled exception. System.Exception: x", "       at A.B()"]
    report = parse_check("\n".join(["× DNS server - Error", *lines, "√ proxy of x - OK"]))
    assert len(report.checks[0].details[0].splitlines()) == 63
    assert len(report.checks) == 2


# 8
def test_8_a_skip_without_a_line_is_only_counted() -> None:
    report = parse_check(
        "√ DNS server - OK\n1 check(s) succeeded.\n7 check(s) were skipped due to errors from other checks.\n"
    )
    assert report.skipped_unlisted == 7 and report.complete


def test_8_verbose_skips_are_neither_ok_nor_warning() -> None:
    report = parse_check(
        "√ tpmd is running - OK\n    skipping because of not using TPM.\n"
        "‼ DNS server - Warning\n    skipping because of previous failures\n"
        "√ keyd is running - OK\n"
        "1 check(s) succeeded.\n2 check(s) were skipped due to errors from other checks.\n"
    )
    assert [check.outcome for check in report.checks] == [SKIPPED, SKIPPED, OK]
    assert [check.details[:1] for check in report.checks[:2]] == [("not using TPM",), ("previous failures",)]
    assert report.complete and report.skipped_unlisted == 0


# 9
def test_9_a_fatal_ends_the_output() -> None:
    report = parse_check(
        "Configuration checks\n--------------------\n× config.yaml is well-formed - Error\n    Bad\n"
        "0 check(s) succeeded.\n1 check(s) raised errors.\n"
    )
    assert report.checks[0].outcome is FATAL and report.complete


def test_9_an_error_with_later_sections_is_no_fatal() -> None:
    report = parse_check(
        "Configuration checks\n--------------------\n× config.yaml is well-formed - Error\n    Bad\n\n"
        "Connectivity checks\n-------------------\n\n0 check(s) succeeded.\n1 check(s) raised errors.\n"
    )
    assert report.checks[0].outcome is ERROR


def test_9_the_error_of_edge_hub_at_the_end_is_no_fatal() -> None:
    text = (
        WHOLE.split("\nConnectivity checks")[0]
        + "1 check(s) succeeded.\n1 check(s) raised warnings.\n1 check(s) raised errors.\n"
    )
    assert outcomes(parse_check(text))[HUB_STORAGE] is ERROR


# 10
def test_10_totals_with_and_without_an_empty_line_and_tail() -> None:
    for tail in ("", " Re-run with --verbose for more details."):
        for gap in ("", "\n"):
            report = parse_check(
                f"‼ DNS server - Warning\n{gap}0 check(s) succeeded.\n1 check(s) raised warnings.{tail}\n$ "
            )
            assert report.complete and report.totals == {"ok": 0, "warning": 1}


def test_10_totals_without_lines_are_not_complete() -> None:
    report = parse_check("12 check(s) succeeded.\n1 check(s) raised warnings.\n")
    assert report.checks == () and not report.complete and report.totals == {"ok": 12, "warning": 1}


def test_10_lines_without_totals_are_not_complete() -> None:
    assert not parse_check(WHOLE.split("2 check(s)")[0]).complete


RUN = """√ keyd configuration is well-formed - OK
‼ DNS server - Warning
    no DNS server setting
√ container on the IoT Edge module network can connect to upstream MQTT port - OK
"""


@pytest.mark.parametrize("totals", ["", "2 check(s) succeeded.\n"])
def test_10_a_run_from_its_first_check_to_its_last_needs_no_totals(totals: str) -> None:
    report = parse_check(RUN + totals)
    assert report.complete and len(report.checks) == 3


@pytest.mark.parametrize(
    "cut",
    [
        RUN.replace("√ keyd configuration is well-formed - OK\n", ""),
        RUN.replace("√ container on the IoT Edge module network can connect to upstream MQTT port - OK\n", ""),
        RUN.replace("‼ DNS server - Warning\n    no", "*** entries removed ***\n‼ DNS server - Warning\n    no"),
        RUN + "7 check(s) succeeded.\n",
        RUN.replace(" - OK", ""),
    ],
)
def test_10_a_run_with_a_gap_does_need_its_totals(cut: str) -> None:
    assert not parse_check(cut).complete


def test_10_totals_that_disagree_are_not_complete() -> None:
    assert not parse_check(WHOLE.replace("2 check(s) succeeded", "3 check(s) succeeded")).complete
    assert not parse_check(WHOLE.replace("√ keyd configuration is well-formed - OK\n", "")).complete


def test_10_a_prompt_after_the_end_is_no_detail() -> None:
    text = "× DNS server - Error\n    No\niotedge-user@vm [ ~ ]$ sudo iotedge list\nNAME  STATUS\n"
    assert parse_check(text).checks[0].details == ("No",)


def test_10_two_outputs_in_one_text_are_refused() -> None:
    assert "more than one" in refused(WHOLE + WHOLE)


# 11
@pytest.mark.parametrize(
    ("title", "identifier"),
    [
        ("host can connect to and perform TLS handshake with IoT Hub HTTPS port", "host-connect-iothub-https"),
        (
            "host can connect to and perform TLS handshake with iothub HTTPS / WebSockets port",
            "host-connect-iothub-https",
        ),
        (
            "container on the default network can connect to upstream  AMQP port",
            "container-default-connect-upstream-amqp",
        ),
        (
            "container on the default network can connect to upstream AMQP port",
            "container-default-connect-upstream-amqp",
        ),
        ("host time is close to real time", "host-local-time"),
        ("HOST TIME is close  to reference time", "host-local-time"),
        ("Edge Hub can bind to ports on host", "edgehub-host-ports"),
        ("Windows host version is supported", "windows-host-version"),
        ("configuration has correct parent_hostname", "parent_hostname"),
        ("production readiness: Edge Hub’s storage directory is persisted on the host filesystem", HUB_STORAGE),
        (
            "(aziot-identity-service checks unavailable - could not communicate with 'aziotctl' binary)",
            "(aziot-identity-service-error)",
        ),
        ("moon phase is favourable (2026)", "moon-phase-is-favourable-2026"),
    ],
)
def test_11_one_check_has_one_id_under_all_its_names(title: str, identifier: str) -> None:
    assert [check.id for check in parse_check(f"√ {title} - OK\n").checks] == [identifier]


# 12
@pytest.mark.parametrize("status", ["exit code: 1", "exit status: 1"])
def test_12_the_error_of_edge_hub_in_both_wordings(status: str) -> None:
    title = "production readiness: Edge Hub's storage directory is persisted on the host filesystem"
    headline = "Could not check current state of edgeHub container"
    cause = f"docker returned {status}, stderr = Error: No such object: edgeHub"
    for lines in (
        f"    {headline}\n        caused by: {cause}\n",
        f"    {headline}\n        caused by: {headline}\n        caused by: {cause}\n",
    ):
        assert parse_check(f"× {title} - Error\n{lines}").checks[0].details == (headline, cause)


# 13
def test_13_an_unknown_hub_name_stays_a_warning_with_its_words() -> None:
    text = (
        "‼ host can connect to and perform TLS handshake with iothub AMQP port - Warning\n"
        "    Could not retrieve iothub_hostname from provisioning file.\n"
        "    all hub connectivity tests will be skipped.\n"
    )
    check = parse_check(text).checks[0]
    assert check.outcome is WARNING and check.details[0].startswith("Could not retrieve iothub_hostname")


# 14
@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n\n",
        "^C\n",
        "...",
        "*** entries removed ***",
        "error: Found argument 'check' which wasn't expected\n\nUSAGE:\n    iotedge <SUBCOMMAND>\n",
        "user@host:~$ sudo iotedge check\nuser@host:~$ ",
        "PS C:\\> \n",
        "Configuration checks\n--------------------\n",
        "some - OK text",
    ],
)
def test_14_what_is_no_check_is_refused_with_its_first_words(text: str) -> None:
    why = refused(text)
    assert "it is empty" in why or text.split()[0] in why


def test_14_removed_entries_make_the_report_incomplete() -> None:
    assert not parse_check("√ DNS server - OK\n*** entries removed ***\n9 check(s) succeeded.\n").complete


def test_a_line_that_was_cut_off_is_no_evidence() -> None:
    report = parse_check("√ keyd is running - OK\n√ certd is running\n")
    assert outcomes(report) == {"keyd-running": OK} and not report.complete


# 2 and 4
@pytest.mark.parametrize("mark", ["", "? ", "### ", "v ", "\ufffd "])
@pytest.mark.parametrize(("before", "after"), [("MQTT por", "t - OK"), ("MQTT", "port - OK"), ("MQTT port -", "OK")])
def test_a_title_that_a_newline_broke_is_whole_without_its_mark(mark: str, before: str, after: str) -> None:
    head = f"{mark}container on the IoT Edge module network can connect to upstream"
    report = parse_check(f"{mark}keyd is running - OK\n{head} {before}\n{after}\n2 check(s) succeeded.\n")
    assert outcomes(report) == {"keyd-running": OK, "container-connect-upstream-mqtt": OK} and report.complete


def test_a_detail_above_a_whole_check_is_no_part_of_its_title() -> None:
    report = parse_check("‼ DNS server - Warning\n    ...\n√ keyd is running - OK\n")
    assert [(check.title, check.details) for check in report.checks] == [
        ("DNS server", ("...",)),
        ("keyd is running", ()),
    ]


@pytest.mark.parametrize("indent", ["", "  ", "      ", "\t\t"])
def test_quote_marks_at_any_depth_are_no_part_of_a_line(indent: str) -> None:
    quoted = "".join(f"{indent}> {line}\n" for line in WHOLE.splitlines())
    assert parse_check(quoted) == parse_check(WHOLE)


# 10 and 13
def test_without_totals_a_run_that_did_not_know_the_hub_ends_with_the_proxys_check() -> None:
    lines = (
        "√ keyd configuration is well-formed - OK\n"
        "‼ host can connect to and perform TLS handshake with iothub AMQP port - Warning\n"
        "    Could not retrieve iothub_hostname from provisioning file.\n"
        "√ proxy settings are consistent in aziot-edged, aziot-identityd, moby daemon and config.toml - OK\n"
    )
    assert parse_check(lines).complete
    assert not parse_check(lines.replace("Warning", "OK")).complete


def test_a_mark_that_a_page_shows_as_a_picture_is_still_a_mark() -> None:
    report = parse_check(
        "√\ufe0f config.yaml is well-formed\n‼\ufe0f a check of tomorrow\nOne or more checks raised warnings.\n"
    )
    assert outcomes(report) == {"config-yaml-well-formed": OK, "a-check-of-tomorrow": WARNING}


def test_identity_checks_that_could_not_be_made_have_the_id_of_the_json_form() -> None:
    report = parse_check(
        "× aziot-identity-service checks unavailable - could not communicate with 'aziotctl' binary. - Error\n"
    )
    assert outcomes(report) == {"(aziot-identity-service-error)": ERROR}
