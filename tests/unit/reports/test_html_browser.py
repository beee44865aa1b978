"""The HTML report as a browser paints it: in light and dark, on a phone, on paper; and what it refuses to run."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from eflowprov.model import (
    Baseline,
    Change,
    ChangeKind,
    Finding,
    Identity,
    Module,
    Outcome,
    Report,
    Target,
    TimelineEntry,
    Verdict,
)
from eflowprov.reports.html import to_html
from eflowprov.reports.words import VERDICT_WORDS
from tests.chromium import Page, open_page
from tests.unit.reports.samples import HOSTILE, START, finding, hostile_report, report

pytestmark = pytest.mark.linux  # headless Chromium from Debian

Color = tuple[int, int, int]
VIEWS = {
    "light": {"width": 1000, "scheme": "light"},
    "dark": {"width": 1000, "scheme": "dark"},
    "phone": {"width": 360, "height": 740, "scheme": "light"},
    "phone in the dark": {"width": 360, "height": 740, "scheme": "dark"},
    "print": {"width": 700, "media": "print", "scheme": "dark"},  # who prints at night has paper, too
}
LONG = "a_module_with_a_name_that_nobody_would_give_it_" * 3
FINDINGS = {
    Outcome.FAIL: Finding(
        "a/fail", f"fails {LONG}", Outcome.FAIL, "It fails.", "Mend it.", f"line one {LONG}\nline 2", "x"
    ),
    **{
        each: finding(each, f"a/{each}", detail=f"{each} {LONG}", evidence="seen") for each in Outcome if each != "fail"
    },
}
# Every text on the page with the lowest contrast to what is painted behind it (WCAG 2.2, relative luminance).
CONTRAST = """(() => {
  const parse = text => text.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = [];
  while (walker.nextNode()) {
    const node = walker.currentNode, element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility()) continue;
    const [one, two] = [parse(getComputedStyle(element).color), behind(element)].map(light).sort((a, b) => b - a);
    seen.push([(one + 0.05) / (two + 0.05), node.data.trim()]);
  }
  return {count: seen.length, worst: seen.sort((a, b) => a[0] - b[0])[0]};
})()"""
BOX = (
    "(e => { const b = e.getBoundingClientRect(); return {x: b.x, y: b.y + scrollY, width: b.width, height: b.height}})"
)


def sample(*outcomes: Outcome) -> Report:
    return replace(
        report(*(FINDINGS[outcome] for outcome in outcomes), modules=(Module(LONG, "running", "Up 2 minutes", LONG),)),
        identity=Identity("line4-press2", "line4-press2", "hub.example", "0ne", None),
        target=Target(LONG, "172.27.120.111:22", "ssh"),
        timeline=(
            TimelineEntry("verify", "step", 0, 1),
            TimelineEntry(f"iotedge {LONG}", "command", 0.5, 0.5, "exit 1"),
        ),
        baseline=Baseline(START, Verdict.READY, LONG, LONG, tuple(_changed(kind) for kind in ChangeKind)),
    )


def _changed(kind: ChangeKind) -> Change:
    return Change("module", LONG, kind, LONG, f"{LONG} again", trouble=kind is ChangeKind.WORSE)


REPORTS = {
    "READY": sample(Outcome.PASS, Outcome.SKIP),
    "READY, AWAITING DEPLOYMENT": sample(Outcome.PASS, Outcome.EXPECTED),
    "NOT READY": sample(Outcome.FAIL, Outcome.WARN, Outcome.PASS),
    "UNKNOWN": sample(*Outcome),
}


@pytest.fixture(scope="module")
def page(chromium: str) -> Iterator[Page]:
    with open_page(chromium) as opened:
        yield opened


@pytest.fixture
def shown(page: Page, tmp_path: Path, request: pytest.FixtureRequest) -> Page:
    """The browser with one report in one view: `(verdict's word, view)`."""
    word, view = request.param
    file = tmp_path / "report.html"
    file.write_text(to_html(REPORTS[word]), encoding="ascii", newline="\n")
    page.show(file, **VIEWS[view])  # type: ignore[arg-type]
    return page


each_view = pytest.mark.parametrize("shown", [("UNKNOWN", view) for view in VIEWS], indirect=True, ids=VIEWS)
each_verdict = pytest.mark.parametrize(
    ("shown", "word", "view"),
    [((word, view), word, view) for word in REPORTS for view in ("light", "dark", "print")],
    indirect=["shown"],
)


def pixels(png: bytes) -> list[Color]:
    """The colours of an 8-bit RGB or RGBA picture without interlacing (PNG, third edition, 9: filters)."""
    at, data = 8, b""
    while at < len(png):
        length, kind = int.from_bytes(png[at : at + 4]), png[at + 4 : at + 8]
        body = png[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, depth, bands = int.from_bytes(body[:4]), body[8], {2: 3, 6: 4}[body[9]]
            assert depth == 8 and body[12] == 0
        data += body if kind == b"IDAT" else b""
        at += length + 12
    raw, stride = zlib.decompress(data), width * bands
    rows: list[bytes] = [bytes(stride)]
    for begin in range(0, len(raw), stride + 1):
        rows.append(_unfiltered(raw[begin], raw[begin + 1 : begin + 1 + stride], rows[-1], bands))
    return [(row[x], row[x + 1], row[x + 2]) for row in rows[1:] for x in range(0, stride, bands)]


def _unfiltered(kind: int, line: bytes, above: bytes, bands: int) -> bytes:
    out = bytearray()
    for at, value in enumerate(line):
        left = out[at - bands] if at >= bands else 0
        corner = above[at - bands] if at >= bands else 0
        guess = left + above[at] - corner
        paeth = min((left, above[at], corner), key=lambda each: abs(guess - each))
        out.append((value + (0, left, above[at], (left + above[at]) // 2, paeth)[kind]) & 255)
    return bytes(out)


def luminance(color: Color) -> float:
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in (c / 255 for c in color)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Color, two: Color) -> float:
    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def painted(page: Page, selector: str) -> list[Color]:
    return pixels(page.picture(**page.tell(f"{BOX}(document.querySelector({selector!r}))")))


@each_verdict
def test_the_verdict_is_painted_where_one_looks_first(shown: Page, word: str, view: str) -> None:
    assert shown.tell("document.querySelector('h1').innerText") == word
    box = shown.tell(f"{BOX}(document.querySelector('h1'))")
    assert box["y"] < 250 and box["height"] >= 24 and box["width"] > 60
    colors = painted(shown, "h1")
    ground = max(set(colors), key=colors.count)
    letters = [color for color in colors if contrast(color, ground) >= 4.5]
    assert len(letters) > 150, "no word can be seen there"
    assert (luminance(ground) < 0.1) == (view == "dark")
    red, green, _ = letters[len(letters) // 2]
    if word == "NOT READY":
        assert red > green
    elif word.startswith("READY"):
        assert green > red


@each_view
def test_every_text_has_the_contrast_that_wcag_asks_for(shown: Page) -> None:
    told = shown.tell(CONTRAST)
    assert told["count"] > 30 and told["worst"][0] >= 4.5, told


@each_view
def test_nothing_sticks_out_sideways(shown: Page) -> None:
    assert shown.tell("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    out = (
        "[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1).length"
    )
    assert shown.tell(out) == 0


@pytest.mark.parametrize("width", [320, 1000])
def test_a_word_without_end_does_not_stick_out_either(page: Page, tmp_path: Path, width: int) -> None:
    file = tmp_path / "report.html"
    file.write_text(to_html(hostile_report("W" * 3000)), encoding="ascii", newline="\n")
    page.show(file, width=width)
    page.tell("document.querySelectorAll('details').forEach(fold => fold.open = true)")
    assert page.tell("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize(
    ("shown", "folded"),
    [(("NOT READY", "light"), False), (("NOT READY", "print"), True)],
    indirect=["shown"],
    ids=["screen", "paper"],
)
def test_what_is_folded_on_the_screen_is_open_on_paper(shown: Page, folded: bool) -> None:
    passed = (
        "[...document.querySelectorAll('.brief .text')].some(e => e.checkVisibility({contentVisibilityAuto: true}))"
    )
    failed = "document.querySelector('.fail pre').checkVisibility() && document.querySelector('.fail pre').innerText"
    assert shown.tell(passed) is folded
    assert shown.tell(failed).startswith("line one")


@pytest.mark.parametrize("shown", [("NOT READY", "light")], indirect=True)
def test_a_fold_opens_without_a_script(shown: Page) -> None:
    shown.send("Emulation.setScriptExecutionDisabled", value=True)
    try:
        box = shown.tell(f"{BOX}(document.querySelector('section > details > summary'))")
        shown.tell(f"scrollTo(0, {box['y'] - 100})")
        place = {"x": box["x"] + 30, "y": box["y"] + 10 - shown.tell("scrollY"), "button": "left", "clickCount": 1}
        for kind in ("mousePressed", "mouseReleased"):
            shown.send("Input.dispatchMouseEvent", type=kind, **place)
        assert shown.tell("document.querySelector('section > details').open")
    finally:
        shown.send("Emulation.setScriptExecutionDisabled", value=False)


@pytest.mark.parametrize("shown", [("UNKNOWN", "light")], indirect=True)
def test_it_can_be_printed(shown: Page) -> None:
    pdf = shown.pdf()
    assert pdf.startswith(b"%PDF") and 1 <= pdf.count(b"/Type /Page\n") <= 6


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_runs_nothing_fetches_nothing_and_hides_nothing(page: Page, tmp_path: Path, text: str) -> None:
    shown = hostile_report(text)
    file = tmp_path / "report.html"
    file.write_text(to_html(shown), encoding="ascii", newline="\n")
    page.show(file)
    fetched = [
        event["params"]["request"]["url"] for event in page.events if event["method"] == "Network.requestWillBeSent"
    ]
    assert fetched == [file.as_uri()]
    assert [
        event for event in page.events if event["method"] in ("Log.entryAdded", "Page.javascriptDialogOpening")
    ] == []
    assert page.tell("document.querySelectorAll('script, img, a, iframe, form, input, button, link').length") == 0
    assert page.tell("document.querySelector('h1').innerText") == VERDICT_WORDS[shown.verdict]
    assert page.tell("document.querySelector('h1').checkVisibility()")
    assert page.tell("[...document.querySelectorAll('.finding')].length") == 4  # fail, error, warn, expected


def test_a_style_or_a_script_that_got_in_would_be_refused(page: Page, tmp_path: Path) -> None:
    """The policy is the second wall; this breaks the first by hand."""
    file = tmp_path / "report.html"
    forged = "<style>h1 { display: none }</style><script>document.title = 'ran'</script><img src='x.png'>"
    text = to_html(REPORTS["READY"]).replace("<main>", f"<main>{forged}")
    file.write_text(text, encoding="ascii", newline="\n")
    page.show(file)
    assert page.tell("document.querySelector('h1').checkVisibility() && document.title") == "READY: line4-press2"
    blocked = [event for event in page.events if event["method"] == "Log.entryAdded"]
    assert len(blocked) >= 3
