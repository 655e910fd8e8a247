"""The report of a scan, from made-up findings whose answers are known."""

import base64
import dataclasses
import doctest
import hashlib
import html.parser
import importlib
import pkgutil
import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import plaplace.scan.report
from plaplace.memorization.detection import p_values, verdicts
from plaplace.scan import report
from plaplace.scan.report import answer, calibration, cost, gallery, numbers
from tests.scan_findings import STATISTICS, findings, png

MODULES = [each.name for each in pkgutil.walk_packages(plaplace.scan.report.__path__, "plaplace.scan.report.")]
HOSTILE = (
    "<script>window.hacked = 1</script>",
    "a\"b'c]]>d&amp;<!--",
    '\u202egnp.exe<img src=x onerror="window.hacked = 1">',
    "k" * 4000,
    "x\u200fy\x00z",
    "{{ 7 * 7 }}{% raw %}",
    "</style></title></script><svg onload=window.hacked=1>",
)


class Elements(html.parser.HTMLParser):
    """Every element with its attributes, and the text of the page."""

    def __init__(self, page):
        super().__init__()
        self.found, self.text = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text.append(data)


def page_of(folder, given):
    return report.write(given, folder / "report.html").read_text("utf-8")


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    return page_of(tmp_path_factory.mktemp("usual"), findings())


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    bad = dict.fromkeys(HOSTILE, 1)
    given = findings(
        keys=list(HOSTILE), captions=[*HOSTILE, "\udc80"], reasons=bad, failed=7, model=HOSTILE[0], images=HOSTILE[2],
        reference=HOSTILE[6], score=HOSTILE[1] + "$x$", notes=HOSTILE, settings=bad | {"a": HOSTILE[0]},
        cost=dict.fromkeys(HOSTILE, HOSTILE[2]),
        provenance={"b": HOSTILE[6]}, command=HOSTILE[0], statistics={"flux_1": (HOSTILE[0], HOSTILE[1])},
    )  # fmt: skip
    return page_of(tmp_path_factory.mktemp("hostile"), given)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_the_same_findings_give_the_same_bytes(tmp_path, usual):
    assert page_of(tmp_path, findings()) == usual


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        report.write(findings(total=20), tmp_path / "missing" / "report.html")


@pytest.mark.parametrize("which", ["usual", "hostile"])
def test_the_page_asks_for_nothing_and_allows_nothing_but_its_own(which, request):
    page = request.getfixturevalue(which)
    elements = Elements(page).found
    asked = [value for _, its in elements for name, value in its.items() if name in ("src", "href", "xlink:href")]
    assert {value.partition(":")[0] for value in asked if not value.startswith("#")} == {"data"}
    assert re.findall(r"@import|url\((?!#)", page) == []
    assert [its for _, its in elements if "style" in its or any(name.startswith("on") for name in its)] == []
    policy = next(its["content"] for tag, its in elements if its.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; img-src data:; ")
    for tag in ("style", "script"):
        (inside,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
        assert [name for name, _ in elements].count(tag) == 1


@pytest.mark.parametrize("which", ["usual", "hostile"])
def test_ids_are_unique_and_links_lead_somewhere(which, request):
    page = request.getfixturevalue(which)
    elements = Elements(page).found
    counts = Counter(its["id"] for _, its in elements if "id" in its)
    assert [name for name, number in counts.items() if number > 1] == []
    targets = {its["href"][1:] for tag, its in elements if tag == "a"}
    assert targets | set(re.findall(r"url\(#([^)]*)\)", page)) <= set(counts)


def test_hostile_text_stays_text(hostile):
    elements = Elements(hostile)
    text = "".join(elements.text)
    for each in HOSTILE:
        shown = numbers.visible(each).encode("utf-8", "backslashreplace").decode()
        assert text.count(shown) >= 3, f"{each[:40]!r} should be on the page as it is"
    assert {tag for tag, _ in elements.found} & {"iframe", "object", "link", "base", "form"} == set()
    assert {its["src"][:21] for tag, its in elements.found if tag == "img"} == {"data:image/png;base64"}
    assert not re.search("[\x00\u200f\u202e]", hostile)


def test_the_page_stays_small(usual):
    assert usual.count("<tr>") > 1000 and usual.count("<img ") == 48
    assert len(usual.encode()) < 2_000_000


def test_numbers_are_for_people(usual):
    text = " ".join(Elements(re.sub(r"<(style|script)>.*?</\1>", "", usual, flags=re.DOTALL)).text)
    assert re.findall(r"\d\.\d{6,}|\de-\d", text) == []
    assert not re.search(r"\b(nan|None|inf)\b", text)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "23 of 1,400 images are memorized (false discovery rate at most 5%)"),
        ({"memorized": 1, "total": 90}, "1 of 90 images is memorized (false discovery rate at most 5%)"),
        ({"memorized": 0}, "None of 1,400 images could be shown to be memorized (false discovery rate at most 5%)"),
        (
            {"num_reference": 500, "level": 0.01},
            "None of 1,400 images could be shown to be memorized (false discovery rate at most 1%); 23 score above the "
            "whole reference",
        ),
        ({"reference": None}, "1,400 images ranked, none judged: there is no reference"),
        ({"total": 9, "failed": 9}, "Of 9 images, none could be scored"),
        (
            {"total": 40, "memorized": 2, "num_reference": 10},
            "It cannot be told which of 40 images are memorized (false discovery rate at most 5%)",
        ),
    ],
)
def test_the_headline_is_the_answer(given, expected):
    assert answer.headline(findings(num_pictures=0, **given)) == expected


def test_the_bar_has_all_images_and_shows_a_single_one():
    parts = answer.shares(
        dataclasses.replace(findings(total=20), total=10**6, verdicts={"memorized": 1, "not": 999_999})
    )
    assert [each.number for each in parts] == [1, 999_999, 0]
    assert sum(each.width for each in parts) == pytest.approx(100) and parts[0].width > 0.3 and parts[2].width == 0
    assert [each.start for each in parts] == pytest.approx([0, parts[0].width, 100])


def told(**given):
    its = findings(num_pictures=0, **given)
    return {step.point: step.why for step in answer.steps(its, calibration.calibrate(its))}


def test_the_next_step_follows_from_the_numbers():
    assert list(told()) == ["Look at the 23 images that were found"]
    assert "about 1 may be on the list by chance" in told()["Look at the 23 images that were found"]
    assert list(told(reference=None)) == ["Scan again with a reference"]
    assert "7 images could not be scored" in told(failed=7)
    assert list(told(total=100, memorized=0)) == ["Nothing has to be done"]
    assert next(iter(told(shift=0.4))) == "Check the reference: the images score higher as a whole"
    assert next(iter(told(shift=-0.4))) == "Check the reference: the images score lower as a whole"
    why = told(num_reference=500)["Use more reference images"]
    assert "anything is found only if 56 images or more" in why and "need 27,999 reference images" in why
    assert "At least 19 are needed" in told(total=40, num_reference=10)["Use more reference images"]


@pytest.mark.parametrize(("scored", "level"), [(30, 0.05), (77, 0.1), (200, 0.2), (7, 0.3)])
def test_a_single_discovery_needs_as_many_reference_images_as_said(scored, level):
    scores, needed = np.array([9.0] + [0.0] * (scored - 1)), answer.reference_needed(scored, level)
    found = [(verdicts(scores, np.ones(number), level) == "memorized").sum() for number in (needed - 1, needed)]
    assert found == [0, 1]
    number = needed // 3
    least = answer.at_once(scored, level, number)
    for together, expected in ((least - 1, 0), (least, least)):
        high = np.where(np.arange(scored) < together, 9.0, 0.0)
        assert (verdicts(high, np.ones(number), level) == "memorized").sum() == expected


@pytest.mark.parametrize(("images", "reference"), [(50, 20), (400, 99), (1400, 500)])
def test_the_band_is_the_beta_binomial_one(images, reference):
    k = np.unique(np.linspace(1, reference, 15).astype(int))
    low, high = (np.round(images * each) for each in calibration.band(k / (reference + 1), images, reference))
    law = stats.betabinom(images, k, reference + 1 - k)
    # the rule's error is below 0.001, where the tails have 0.025
    assert (law.cdf(low) >= 0.024).all() and (law.cdf(low - 1) < 0.026).all()
    assert (law.cdf(high) >= 0.974).all() and (law.cdf(high - 1) < 0.976).all()
    assert [each.tolist() for each in calibration.band(np.array([0.0, 1.0]), images, reference)] == [[0, 1], [0, 1]]


def test_scans_of_unseen_images_lie_in_the_band_as_often_as_it_says():
    """400 scans: 95% +- 3.3% (three standard errors) at every p."""
    random, p = np.random.default_rng(1), np.array([1, 5, 25, 50, 90]) / 101
    low, high = calibration.band(p, 200, 100)
    inside = np.zeros(5)
    for _ in range(400):
        received = p_values(random.standard_normal(200), random.standard_normal(100))
        share = (received[:, None] <= p + 1e-12).mean(0)
        inside += (low <= share) & (share <= high)
    assert (inside / 400 > 0.95 - 0.033).all(), inside / 400


def test_what_is_said_of_the_calibration():
    def state(**given):
        its = calibration.calibrate(findings(num_pictures=0, **given))
        return its.state, its.excess

    assert state() == ("follows", True)
    assert state(memorized=0) == ("follows", False)
    assert state(memorized=300) == ("follows", True)  # many memorized are no reason to doubt the reference
    assert state(shift=0.4)[0] == "inflated" and state(shift=-0.4)[0] == "deflated"
    assert calibration.calibrate(findings(reference=None, num_pictures=0)) is None
    # of 40 scans of unseen images 5% are warned about: more than 7 with a probability below 0.2%
    warned = [state(total=100, memorized=0, num_reference=50, seed=seed)[0] != "follows" for seed in range(40)]
    assert sum(warned) <= 7


def test_without_a_reference_nothing_is_judged(tmp_path):
    page = page_of(tmp_path, findings(reference=None))
    columns = re.findall(r'data-column="(\w+)"', page)
    assert "score" in columns and not {"p_value", "q_value", "verdict"} & set(columns)
    assert 'id="calibration"' not in page and 'id="filter-verdict"' not in page
    assert "Without a reference there is nothing to compare with" in page


def test_the_table_has_the_rows_and_the_columns_that_say_something(tmp_path):
    given = findings(total=60, num_pictures=2)
    given.top["flux_2"] = np.nan
    given.sample.loc[0, ["score", "score_se", "p_value", "q_value"]] = np.nan
    page = page_of(tmp_path, given)
    top, sample = re.findall(r'<table>\n<thead><tr>\n<th scope="col" data-column.*?</table>', page, re.DOTALL)
    assert re.findall(r'data-column="(\w+)"', top) == [
        "rank", "key", "verdict", "score", "p_value", "q_value", "calls", "flux_1", "denoising_loss", "score_norm",
    ]  # fmt: skip
    assert "flux_2" in sample and "rank" not in re.findall(r'data-column="(\w+)"', sample)
    assert (top.count("<tr>"), sample.count("<tr>")) == (61, 61)
    assert re.findall(r'<td class="key"><bdi>(.*?)</bdi>', top) == given.top["key"].tolist()
    first = given.top.iloc[0]
    score, error = numbers.with_error(first["score"], first["score_se"])
    assert f'data-v="{first["score"]:.9g}">{score} <span class="error">± {error}</span>' in top
    assert '<td class="number">–</td>' in sample


def test_the_columns_of_the_store_are_read_as_they_are(tmp_path):
    """A rank of missing values, a score that is explained, whole numbers and missing values of any kind."""
    given = findings(total=60, num_pictures=0, statistics={"score": ("our detector", "what it is"), **STATISTICS})
    given.sample.insert(0, "rank", pd.NA)
    given.sample["calls"] = given.sample["calls"].astype("Int64")
    given.sample.loc[[1, 2], "calls"] = pd.NA
    page = page_of(tmp_path, given)
    sample = page.partition('id="table-sample"')[2]
    assert "rank" not in re.findall(r'data-column="(\w+)"', sample)
    assert re.findall(r'data-column="(\w+)"', page).count("score") == 2
    assert 'title="our detector: what it is"' in page and sample.count('<td class="number">–</td>') == 2


def test_what_could_not_be_read_is_told(tmp_path):
    page = page_of(tmp_path, findings(failed=100, num_reference_failed=3, num_pictures=0))
    assert "100 images of 1,400 (7.1%) have no score" in page and "All of them" in page
    assert '<td class="number">60</td><td class="long"><bdi>not an image' in page
    assert "3 reference images could not be scored and were left out" in page
    rare = page_of(tmp_path, findings(failed=100, reasons={"an empty file": 93}, num_pictures=0))
    assert '<td class="number">7</td><td class="long">other reasons' in rare
    assert "Every image was read and scored" in page_of(tmp_path, findings(num_pictures=0))


def test_a_scan_of_nothing_and_a_scan_of_failures_have_a_page(tmp_path):
    empty = pd.DataFrame(columns=findings(total=5).top.columns)
    nothing = {"top": empty, "sample": empty, "pictures": (), "p_values": np.zeros(0), "share": np.zeros(0)}
    page = page_of(tmp_path, findings(total=30, failed=30, rate=0.0, estimated_seconds=float("nan"), **nothing))
    assert "Of 30 images, none could be scored" in page and "There is no row to show" in page
    given = findings(total=5, **nothing)
    spread = dataclasses.replace(given.spread, images=0 * given.spread.images)
    page = page_of(tmp_path, dataclasses.replace(given, total=0, verdicts={}, spread=spread))
    assert "There was no image to scan" in page and "There is no score to show" in page


def test_what_more_images_would_cost():
    given = findings(rate=50.0, calls=16 * 3600, num_pictures=0)
    assert cost.ahead(given) == [
        ("a million images", "5 h 33 min", "16,000,000"),
        ("ten million images", "2 days 8 h", "160,000,000"),
    ]
    assert dict(cost.lines(given))["Network evaluations"] == "57,600, 16 an image"
    assert cost.ahead(findings(rate=float("nan"), num_pictures=0)) == []


def test_pictures_are_shown_in_their_size():
    assert gallery.size_of(png(28, 0)) == (28, 28)
    assert gallery.size_of("") == gallery.size_of("no base64!") == gallery.size_of("A" * 100) == (0, 0)
    (small, *_), (large, *_) = (gallery.cards(findings(total=30, size=size, num_pictures=1)) for size in (8, 256))
    assert (small.small, small.large, large.small, large.large) == (True, False, False, True)
