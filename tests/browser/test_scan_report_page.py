"""The report of a scan in a real browser: it opens, sorts, filters, fits, and can be read and used by anyone.

Every test also asserts, when its pages close, that nothing was logged and nothing outside the file was asked for.
"""

import pytest

from tests.browser.conftest import LAPTOP, PHONE
from tests.scan_findings import findings
from tests.test_scan_report import HOSTILE

SMALL = {"total": 120, "memorized": 9, "failed": 6, "num_reference": 600, "num_pictures": 3, "size": 8}
CASES = {
    "usual": {"total": 300, "num_pictures": 14},
    "hostile": SMALL
    | {"keys": list(HOSTILE), "captions": list(HOSTILE), "reasons": dict.fromkeys(HOSTILE, 1), "failed": 7},
    "no reference": SMALL | {"reference": None},
    "reference unlike the images": SMALL | {"shift": 0.8},
    "nothing found": SMALL | {"memorized": 0, "num_pictures": 0},
    "large pictures": SMALL | {"size": 256},
}  # fmt: skip

COLUMN = """([table, name]) => {
    const header = document.querySelector(`#table-${table} [data-column=${name}]`);
    return [...document.querySelectorAll(`#table-${table} tbody tr`)].filter((row) => !row.hidden)
        .map((row) => row.cells[header.cellIndex]).map((cell) => cell.dataset.v ?? cell.textContent);
}"""


def column(page, name, table="top"):
    """What the visible rows of a table have in a column."""
    return page.evaluate(COLUMN, [table, name])


def numbers(page, name, table="top"):
    return [float(each) for each in column(page, name, table)]


def header(page, name, table="top"):
    return page.locator(f"#table-{table} [data-column={name}]")


@pytest.mark.parametrize("case", CASES)
def test_it_opens_from_disk_every_picture_loads_and_nothing_is_wider_than_a_phone(open_page, case):
    page = open_page(findings(**CASES[case]))
    widths = page.evaluate("[...document.images].map((image) => image.naturalWidth)")
    assert len(widths) == 2 * CASES[case].get("num_pictures", 24)
    assert all(width > 0 for width in widths)
    assert page.evaluate("window.hacked") is None
    assert page.locator(".controls").is_visible()
    page.evaluate("document.querySelectorAll('details').forEach((each) => each.open = true)")
    for viewport in (LAPTOP, PHONE):
        page.set_viewport_size(viewport)
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_a_click_sorts_by_a_column_and_another_turns_the_order(open_page):
    page = open_page(findings(**SMALL))
    keys, scores = column(page, "key"), numbers(page, "score")
    assert header(page, "rank").get_attribute("aria-sort") == "ascending"
    header(page, "score").locator("button").click()
    assert numbers(page, "score") == sorted(scores, reverse=True)
    assert header(page, "score").get_attribute("aria-sort") == "descending"
    assert header(page, "rank").get_attribute("aria-sort") is None
    header(page, "score").locator("button").click()
    assert numbers(page, "score") == sorted(scores) and header(page, "score").get_attribute("aria-sort") == "ascending"
    header(page, "key").locator("button").click()
    assert column(page, "key") == sorted(keys)
    header(page, "key").locator("button").click()
    assert column(page, "key") == sorted(keys, reverse=True)
    for name in ("p_value", "q_value", "flux_1", "score_norm", "calls", "rank"):
        before = numbers(page, name)
        header(page, name).locator("button").click()
        assert numbers(page, name) in (sorted(before), sorted(before, reverse=True)), name


def test_what_is_missing_comes_last_both_ways(open_page):
    given = findings(**SMALL)
    given.top.loc[[3, 40], "flux_1"] = float("nan")
    page = open_page(given)
    for _ in range(2):
        header(page, "flux_1").locator("button").click()
        values = column(page, "flux_1")
        assert values[-2:] == ["–", "–"] and "–" not in values[:-2]


def test_filters_by_verdict_and_by_text_and_says_how_many_are_left(open_page):
    given = findings(**SMALL)
    page = open_page(given)
    count = page.locator("#row-count")
    assert count.text_content() == "114 of 114 rows shown" and count.get_attribute("aria-live") == "polite"
    page.get_by_label("Verdict").select_option("memorized")
    assert set(column(page, "verdict")) == {"memorized"}
    assert len(column(page, "verdict")) == given.verdicts["memorized"] > 0
    page.get_by_label("Filter").fill("TRAIN/3/")
    page.wait_for_timeout(300)
    shown = column(page, "key")
    top = given.top[given.top["verdict"] == "memorized"]
    assert shown == [key for key in top["key"] if "train/3/" in key]
    assert count.text_content() == f"{len(shown)} of 114 rows shown"
    page.get_by_label("Verdict").select_option("all")
    page.get_by_label("Filter").fill("")
    page.wait_for_timeout(300)
    assert len(column(page, "key")) == 114


def test_switches_between_the_highest_and_the_sample(open_page):
    page = open_page(findings(**SMALL))
    assert page.locator("#table-top").is_visible() and not page.locator("#table-sample").is_visible()
    page.get_by_role("radio", name="Random sample").check()
    assert page.locator("#table-sample").is_visible() and not page.locator("#table-top").is_visible()
    page.get_by_label("Verdict").select_option("not")
    assert set(column(page, "verdict", "sample")) == {"not"}


def test_the_keyboard_alone_is_enough(open_page):
    page = open_page(findings(**SMALL))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    reached = []
    for _ in range(120):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("""() => {
            const its = document.activeElement, name = its.closest("th")?.dataset.column ?? its.id;
            return [name, its.tagName, getComputedStyle(its).outlineStyle];
        }"""))  # fmt: skip
        if reached[-1][0] == "score" and reached[-1][1] == "BUTTON":
            break
    assert all(outline != "none" for _, _, outline in reached), reached
    assert {"filter-text", "filter-verdict", "rank", "key", "score"} <= {name for name, *_ in reached}
    page.keyboard.press("Enter")
    assert header(page, "score").get_attribute("aria-sort") == "descending"
    page.keyboard.press("Space")
    assert header(page, "score").get_attribute("aria-sort") == "ascending"
    page.get_by_role("radio", name="Highest ranked").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#table-sample").is_visible()


CONTRAST = """() => {
    const channels = (text) => text.match(/[\\d.]+/g).map(Number);
    const light = (text) => channels(text).slice(0, 3).map((c) => c / 255)
        .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = (element) => {
        for (let each = element; each; each = each.parentElement) {
            const colour = getComputedStyle(each).backgroundColor, [, , , alpha = 1] = channels(colour);
            if (alpha > 0) return colour;
        }
    };
    const found = {};
    for (const element of document.querySelectorAll("body *")) {
        const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
        if (!own || element.closest("svg, script") || element.tagName === "OPTION") continue;
        const [a, b] = [getComputedStyle(element).color, ground(element)].map(light).sort((x, y) => y - x);
        const name = `${element.tagName} ${element.className}`, ratio = (a + 0.05) / (b + 0.05);
        found[name] = Math.min(found[name] ?? 99, ratio);
    }
    return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(open_page, scheme):
    """WCAG 2.2, 1.4.3: a contrast of 4.5 for text, body and muted."""
    page = open_page(findings(**CASES["reference unlike the images"]), color_scheme=scheme)
    ratios = page.evaluate(CONTRAST)
    assert {"P warning", "FIGCAPTION ", "SPAN error"} <= set(ratios) and len(ratios) > 20
    assert {name: ratio for name, ratio in ratios.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_charts_take_the_colours_of_the_page(open_page, scheme):
    """What is drawn on the charts' ground stands out: 3 for lines (WCAG 1.4.11), and the ground is the card's."""
    page = open_page(findings(**SMALL), color_scheme=scheme)
    light = page.evaluate("""() => {
        const value = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
        const light = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)
            .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
            .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
        return Object.fromEntries(["card", "ink", "soft", "blue", "vermilion"].map((n) => [n, light(value(`--${n}`))]));
    }""")
    ground = light.pop("card") + 0.05
    ratios = {name: max(each + 0.05, ground) / min(each + 0.05, ground) for name, each in light.items()}
    assert {name: ratio for name, ratio in ratios.items() if ratio < 3} == {}
    used = page.evaluate("""() => new Set([...document.querySelectorAll(".chart svg *")]
        .flatMap((its) => [getComputedStyle(its).fill, getComputedStyle(its).stroke])).size""")
    assert used >= 5
    rules = page.evaluate("document.querySelector('style').textContent").split("#spread-chart", 1)[1]
    assert "#0072b2" not in rules and "#1b1f24" not in rules and "#ffffff" not in rules


def test_without_scripts_the_tables_are_plain(open_page):
    page = open_page(findings(**SMALL), java_script_enabled=False)
    assert page.locator("#table-top").is_visible() and page.locator("#table-sample").is_visible()
    assert not page.locator(".controls").is_visible()


def test_it_can_be_printed(open_page):
    """Nothing is wider than a page of A4 at 96 pixels an inch, margins of 1 cm off, and tables stop after 50 rows."""
    page = open_page(findings(**SMALL), viewport={"width": 718, "height": 1000})
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= 718
    assert not page.locator(".controls").is_visible() and not page.locator("nav").is_visible()
    assert page.locator("#table-top tbody tr:visible").count() == 50
