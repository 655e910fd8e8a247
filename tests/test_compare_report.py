"""The report of a comparison, from made-up tables whose answers are known."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from plaplace.compare import report, tables
from plaplace.compare.figures import style
from plaplace.compare.reading import FILES, read
from plaplace.compare.sections import SECTIONS
from tests.compare_tables import coverage_cells, estimates, others, write


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every table and the report made of them."""
    folder = write(tmp_path_factory.mktemp("whole"))
    report.write(folder)
    return folder


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are made but not turned into SVG, which is what takes the time."""
    monkeypatch.setattr(style, "to_svg", lambda drawing, name: f"<svg {name}></svg>")


@pytest.mark.parametrize("name", ["estimates", "coverage", "published", "training", "maps"])
def test_the_made_up_tables_have_the_columns_of_the_real_ones(whole: Path, name: str) -> None:
    received = list(read(whole)[name].columns)
    assert received == list(tables.COLUMNS[FILES[name][0]])


def test_every_section_is_there_in_order_and_measured(whole: Path) -> None:
    page, text = (whole / "report.html").read_text(), (whole / "report.md").read_text()
    titles = [f"{i}. {section.title}" for i, section in enumerate(SECTIONS, 1)]
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == titles
    assert [t.replace("&#39;", "'") for t in re.findall(r"<h2>(.*?)</h2>", page)] == titles
    assert "Not measured" not in page + text


def test_the_page_asks_for_nothing_outside_itself(whole: Path) -> None:
    page = (whole / "report.html").read_text()
    asked = re.findall(r'(?:src|href)="(?!#|data:)([^"]*)"', page) + re.findall(r"@import|url\((?!#)[^)]*\)", page)
    assert asked == []
    assert len(page) < 4_000_000


def test_ids_are_unique_and_links_lead_somewhere(whole: Path) -> None:
    page = (whole / "report.html").read_text()
    counts = Counter(re.findall(r'\bid="([^"]*)"', page))
    assert [name for name, number in counts.items() if number > 1] == []
    targets = set(re.findall(r'href="#([^"]*)"', page)) | set(re.findall(r"url\(#([^)]*)\)", page))
    assert targets - set(counts) == set()


def test_the_markdown_shows_the_figures_of_the_page(whole: Path) -> None:
    text, page = (whole / "report.md").read_text(), (whole / "report.html").read_text()
    named = re.findall(r"\(figures/(\w+)\.svg\)", text)
    assert named == [name for section in SECTIONS for name in section.figures]
    for name in named:
        drawing = (whole / "figures" / f"{name}.svg").read_text()
        assert drawing.count("<path") > 10, f"{name}.svg is empty"
        assert f'<figure id="figure-{name}">' in page


@pytest.mark.slow
def test_the_same_tables_give_the_same_bytes(whole: Path) -> None:
    def everything() -> dict[str, bytes]:
        paths = [whole / "report.html", whole / "report.md", *sorted((whole / "figures").iterdir())]
        return {path.name: path.read_bytes() for path in paths}

    before = everything()
    report.write(whole)
    assert everything() == before


@pytest.mark.parametrize("name", [name for name in FILES if name != "problems"])
@pytest.mark.usefixtures("undrawn")
def test_a_missing_table_is_said_and_nothing_else_breaks(tmp_path: Path, name: str) -> None:
    report.write(write(tmp_path, **{name: None}))
    text = (tmp_path / "report.md").read_text()
    needy = [section for section in SECTIONS if name in section.needs]
    assert needy, f"no section needs {name}"
    assert text.count("Not measured in this run") == len(needy)
    drawn = {path.stem for path in (tmp_path / "figures").iterdir()}
    assert drawn.isdisjoint(figure for section in needy for figure in section.figures)


@pytest.mark.usefixtures("undrawn")
def test_without_a_learned_score_the_budget_is_not_invented(tmp_path: Path) -> None:
    table = estimates()
    report.write(write(tmp_path, estimates=table[table["score"] == "exact"], training=None))
    text = (tmp_path / "report.md").read_text()
    assert "`estimates.csv` has no rows for it" in text
    assert "from the network" not in text


@pytest.mark.usefixtures("undrawn")
def test_an_empty_folder_gives_a_report_that_says_so(tmp_path: Path) -> None:
    text = report.write(tmp_path).with_name("report.md").read_text()
    assert text.count("Not measured in this run") == sum(bool(section.needs) for section in SECTIONS)
    assert "Nothing was measured" in text


@pytest.mark.usefixtures("undrawn")
def test_figures_of_an_earlier_run_do_not_stay(tmp_path: Path) -> None:
    report.write(write(tmp_path))
    (tmp_path / "cost.csv").unlink()
    report.write(tmp_path)
    assert not (tmp_path / "figures" / "cost.svg").exists()


def test_a_folder_that_is_not_there_is_named() -> None:
    with pytest.raises(FileNotFoundError, match="folder = 'nowhere' was given; it must hold the tables"):
        report.write("nowhere")


@pytest.mark.usefixtures("undrawn")
def test_text_from_a_table_stays_text(tmp_path: Path) -> None:
    table = coverage_cells()
    table["label"] = "<script>alert(1)</script>"
    page = report.write(write(tmp_path, coverage=table)).read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def _promises(folder: Path) -> str:
    text = (folder / "report.md").read_text()
    return text[text.index("### What was promised") : text.index("### What was measured")]


def test_all_promises_hold_in_tables_where_they_do(whole: Path) -> None:
    assert "Does not hold" not in _promises(whole)
    assert _promises(whole).count("**Holds.**") >= 5


@pytest.mark.usefixtures("undrawn")
def test_a_broken_accuracy_is_reported_with_its_number(tmp_path: Path) -> None:
    table = others()["accuracy"]
    table.loc[2, "relative_error"] = 3.21e-9  # condition 100: promised 1e-10
    report.write(write(tmp_path, accuracy=table))
    found = next(line for line in _promises(tmp_path).splitlines() if "certified" in line)
    assert found.startswith("* **Does not hold.** Of 4 certified rows 3 are met")
    assert "3.21·10⁻⁹ at condition 100" in found


@pytest.mark.usefixtures("undrawn")
def test_a_frame_worse_than_pairs_is_reported(tmp_path: Path) -> None:
    report.write(write(tmp_path, coverage=coverage_cells(frame_sd=0.04)))  # pairs 0.02: ratio 4
    found = next(line for line in _promises(tmp_path).splitlines() if "antithetic pairs" in line)
    assert found.startswith("* **Does not hold.** Against antithetic pairs at equal calls ± frames have surely")
    assert "in 40 of 40 cells" in found
    assert "the largest ratio is 4 [" in found


def test_the_paper_as_published_is_three_quarters_off(whole: Path) -> None:
    assert "p = 1: 0.75 as published, 0 ours" in (whole / "report.md").read_text()


def test_the_bias_of_the_made_up_balls_has_slope_two(whole: Path) -> None:
    assert re.search(r"± frames \(ours\) \| digits \| 1 \| 5 \| 2 \| \[2, 2\]", (whole / "report.md").read_text())
