"""report.html in a real browser, on a laptop and on a phone: it works, and it keeps to itself."""

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from clipsweep_plots.figures.figure_list import ANSWERING
from conftest import FakeRun, FakeSweep, cross
from playwright.sync_api import Page, expect, sync_playwright
from report_page import draw
from test_setups import crossed

WIDTHS = {"laptop": 1280, "phone": 390}
# Of every kind: curves, maps, rows, events, several pages.
OTHERS = (
    "training_loss",
    "gradient_norm",
    "gradient_norm_survival",
    "paired_loss",
    "noise_floor",
    "events",
)
CLIPS = [("none", None), ("value", 0.5), ("value", 5.0), ("global-norm", 1.0)]


@pytest.fixture(scope="module")
def report(made_once):
    """Return the path of a report with everything that a page can have.

    It is drawn once for all processes of the tests.
    """
    return made_once("browser", lambda folder: draw_report(folder, (*ANSWERING, *OTHERS)))


@pytest.fixture(scope="module")
def report_of_tables(made_once):
    """Return the path of the same report with a single figure: a page opens in a third of the time."""
    return made_once("browser-tables", lambda folder: draw_report(folder, ANSWERING[:1]))


def draw_report(folder: Path, figures: Sequence[str]) -> Path:
    runs = [
        *cross(CLIPS, [0.01, 0.1], seeds=5),
        *(FakeRun("none", None, 0.01, seed, perturbed=True) for seed in range(5)),
        *(FakeRun("value", 0.5, 1.0, seed, diverges_at=9 + seed) for seed in range(2)),
        FakeRun("none", None, 0.01, 9, outcome="unfinished"),
    ]
    sweep = FakeSweep(folder / "sweep", runs).write()
    draw(sweep, figures)
    return sweep.folder / "report" / "report.html"


@pytest.fixture(scope="module")
def report_of_setups(made_once):
    """Return the path of a report of more setups than have an answer in sentences."""
    return made_once("browser-setups", draw_report_of_setups)


def draw_report_of_setups(folder: Path) -> Path:
    runs = crossed({"length": ["20", "50", "100", "200"], "optimizer": ["sgd", "adam"]}, seeds=5)
    sweep = FakeSweep(folder / "sweep", runs).write()
    draw(sweep, ["by_setting", "test_accuracy"])
    return sweep.folder / "report" / "report.html"


@pytest.fixture(scope="module")
def browser():
    chromium = shutil.which("chromium")
    assert chromium, "chromium is not installed; run scripts/setup"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def context(browser):
    context = browser.new_context()
    yield context
    context.close()


@contextmanager
def opened(context, report: Path, width: int) -> Iterator[Page]:
    """Open the report; whatever it complains of or asks for is an error in the end."""
    page = context.new_page()
    page.set_viewport_size({"width": width, "height": 900})
    complaints, requests = [], []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(report.as_uri())
    yield page
    page.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith("data:image/")] == [report.as_uri()]


@pytest.fixture(params=WIDTHS.values(), ids=WIDTHS.keys())
def page(context, report, request):
    """Open the report for one test."""
    with opened(context, report, request.param) as page:
        yield page


@pytest.fixture(params=WIDTHS.values(), ids=WIDTHS.keys())
def tables(context, report_of_tables, request):
    """Open the report with a single figure for one test."""
    with opened(context, report_of_tables, request.param) as page:
        yield page


@pytest.fixture(params=WIDTHS.values(), ids=WIDTHS.keys(), scope="module")
def still_page(context, report, request):
    """Open the report for all tests that change nothing in it."""
    with opened(context, report, request.param) as page:
        yield page


def column(page: Page, heading: str) -> list[str]:
    """Return the first line of each visible cell of a column of the table of arms."""
    position = page.locator("#table-arms thead th").all_inner_texts()
    index = [text.strip() for text in position].index(heading)
    rows = page.locator("#table-arms tbody tr:visible")
    return [row.locator("> *").nth(index).inner_text().split("\n")[0] for row in rows.all()]


def assert_no_overflow(page: Page) -> None:
    """Check that the page scrolls down only; wide tables scroll within themselves."""
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


def test_the_page_fits_its_window(page):
    assert_no_overflow(page)
    for details in page.locator("details").all():
        details.locator("> summary").click()
    assert_no_overflow(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_that_keeps_anyone_out(page, scheme):
    page.emulate_media(color_scheme=scheme)
    for details in page.locator("details").all():
        details.locator("> summary").click()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS.keys())
def test_a_report_of_many_setups_is_as_accessible(browser, report_of_setups, width):
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(report_of_setups.as_uri())
    assert_no_overflow(page)
    for details in page.locator("details").all():
        details.locator("> summary").click()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    rows = page.locator("#table-setups tbody tr")
    assert rows.count() == 8
    page.locator("#table-setups th.setting-length").first.get_by_role("button").click()
    lengths = [row.locator("> *").first.inner_text() for row in rows.all()]
    assert lengths == ["20", "20", "50", "50", "100", "100", "200", "200"]
    page.locator("form[data-table=table-arms]").get_by_label("Setup").select_option(
        "length 50, optimizer adam"
    )
    assert page.locator("#table-arms tbody tr:visible").count() == 2
    page.close()


def test_the_answer_is_visible_without_scrolling(still_page):
    sentence = still_page.locator(".answer p").first
    box = sentence.bounding_box()
    assert box["y"] + box["height"] < still_page.viewport_size["height"]


def test_a_phone_gets_the_narrow_figures_and_no_page_cuts_one(page):
    page.locator("#figures-more > summary").click()
    is_phone = page.viewport_size["width"] < 641
    assert page.locator(".on-narrow img").first.is_visible() == is_phone
    assert page.locator(".pages.on-wide img").first.is_visible() != is_phone
    for image in page.locator(".on-narrow img:visible").all():
        box = image.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= page.viewport_size["width"]


def test_only_what_scrolls_is_a_stop_of_the_tab_key(still_page):
    stops = "[...document.querySelectorAll('[tabindex=\"0\"]')]"
    assert still_page.evaluate(f"{stops}.every(e => e.scrollWidth > e.clientWidth)")


def test_the_answer_has_four_figures_and_the_others_are_closed(still_page):
    assert still_page.locator("#figures > .figures > figure").count() == 4
    assert not still_page.locator("#figures-more figure").first.is_visible()


def test_every_image_is_shown(page):
    page.locator("#figures-more > summary").click()
    assert page.locator("figure img").count() > 5
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")


def test_a_click_sorts_and_a_second_click_reverses(tables):
    heading = tables.locator("#table-arms th.accuracy").first
    heading.get_by_role("button").click()
    values = [float(text.split()[0]) for text in column(tables, "Accuracy, %")]
    assert values == sorted(values, reverse=True) and len(set(values)) > 5
    expect(heading).to_have_attribute("aria-sort", "descending")
    heading.get_by_role("button").click()
    values = [float(text.split()[0]) for text in column(tables, "Accuracy, %")]
    assert values == sorted(values)
    expect(heading).to_have_attribute("aria-sort", "ascending")


def test_missing_values_are_last_in_both_directions(tables):
    button = tables.locator("#table-arms th.difference").first.get_by_role("button")
    for _ in range(2):
        button.click()
        cells = column(tables, "Difference, points")
        measured = [cell for cell in cells if cell != "–"]
        assert cells == measured + ["–"] * (len(cells) - len(measured))
        assert 0 < len(measured) < len(cells)


def test_the_keyboard_sorts(tables):
    tables.locator("#table-arms th.clipping").first.get_by_role("button").focus()
    tables.keyboard.press("Enter")
    names = column(tables, "Clipping")
    assert names == sorted(names) and names[0] == "global-norm:1"
    tables.keyboard.press("Tab")
    tables.keyboard.press("Space")
    rates = [float(text) for text in column(tables, "Learning rate")]
    assert rates == sorted(rates)
    assert tables.locator("#table-arms [aria-sort]").count() == 1


def test_filters_narrow_the_table_and_count(tables):
    form = tables.locator("form[data-table=table-arms]")
    count = form.get_by_role("status")
    expect(count).to_have_text("10 of 10 rows")
    form.get_by_label("Filter").fill("VALUE:5")
    expect(count).to_have_text("2 of 10 rows")
    assert set(column(tables, "Clipping")) == {"value:5"}
    form.get_by_label("Filter").fill("")
    form.get_by_label("Mode").select_option("value")
    expect(count).to_have_text("5 of 10 rows")
    form.get_by_label("Learning rate").select_option("0.1")
    expect(count).to_have_text("2 of 10 rows")
    form.get_by_label("Mode").select_option("")
    form.get_by_label("Verdict").select_option("baseline")
    expect(count).to_have_text("1 of 10 rows")
    assert column(tables, "Clipping") == ["none"]


def test_the_appendix_is_built_when_it_is_opened(tables):
    rows = tables.locator("#table-runs tbody tr")
    assert rows.count() == 0
    tables.locator("#runs-details > summary").click()
    expect(rows).to_have_count(48)
    form = tables.locator("form[data-table=table-runs]")
    form.get_by_label("Filter").fill("diverged value")
    expect(form.get_by_role("status")).to_have_text("2 of 48 rows")
    assert "NaN in the gradient" in rows.locator("visible=true").first.inner_text()
    tables.locator("#runs-details > summary").click()
    tables.locator("#runs-details > summary").click()
    expect(rows).to_have_count(48)


def test_the_skip_link_leads_to_the_answer(tables):
    tables.keyboard.press("Tab")
    expect(tables.get_by_text("Skip to the answer")).to_be_focused()
    tables.keyboard.press("Enter")
    expect(tables.locator("#answer")).to_be_focused()


def test_a_command_can_be_copied(tables):
    tables.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tables.locator("[data-copy=command-sweep]").click()
    expect(tables.locator("[data-copy=command-sweep]")).to_have_text("Copied")
    copied = tables.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("clipsweep sweep \\\n  --mode none,value")


def test_without_javascript_the_table_of_arms_is_complete(browser, report_of_tables):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report_of_tables.as_uri())
    assert page.locator("#table-arms tbody tr:visible").count() == 10
    assert not page.locator("#runs-details").is_visible()
    assert not page.locator("form.controls, button").locator("visible=true").count()
    assert page.locator("#runs-elsewhere").is_visible()
    context.close()


def test_print_opens_the_details_and_leaves_out_the_controls(browser, report):
    page = browser.new_page()
    page.goto(report.as_uri())
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#table-measures").is_visible()
    assert page.locator("#table-settings").is_visible()
    assert not page.locator("form.controls:visible, nav:visible, [data-copy]:visible").count()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert not page.locator("#table-measures").is_visible()
    page.close()


# Contrast, as WCAG 2.2 defines it


def luminance(color: str) -> float:
    channels = [int(value) / 255 for value in re.findall(r"\d+", color)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


TEXT_COLORS = """
() => [...document.querySelectorAll("body *")]
  .filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
  .filter((e) => e.checkVisibility())
  .map((e) => {
    let ground = e;
    const paint = (x) => getComputedStyle(x).backgroundColor;
    while (ground && /, 0\\)$/.test(paint(ground))) ground = ground.parentElement;
    return [e.tagName, getComputedStyle(e).color, ground ? paint(ground) : "rgb(255, 255, 255)"];
  })
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_enough_contrast(still_page, scheme):
    still_page.emulate_media(color_scheme=scheme)
    for tag, ink, ground in still_page.evaluate(TEXT_COLORS):
        dark, light = sorted((luminance(ink), luminance(ground)))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (tag, ink, ground)
