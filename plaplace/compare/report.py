"""The report of a comparison: `report.html`, `report.md` and `figures/`, a pure function of the tables in a folder.

Both files come from one template a section (`templates/sections/`), which is Markdown; the page is that Markdown as
HTML, with the figures inside. A section whose tables are missing says so. To add one: an entry in
`sections.SECTIONS`, a module in `summaries` and `figures`, and a template, all of the section's name.
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import jinja2
from markdown_it import MarkdownIt

from plaplace.compare import words
from plaplace.compare.figures import style
from plaplace.compare.reading import Tables, read
from plaplace.compare.sections import SECTIONS, Section, summarise
from plaplace.compare.statistic_names import called

__all__ = ["write"]

TITLE = "Estimators of the p-Laplacian of a log-density, compared where the truth is known"
TITLE_OF_WORLDS = "Detectors of memorized images, compared where the truth is known"
TITLE_OF_COST = "What p-Laplacians of a log-density, their estimators and scans cost"
TITLE_OF_BOTH = "Estimators of the p-Laplacian and detectors of memorized images, compared where the truth is known"


def write(folder: str | Path) -> Path:
    """Write `report.html`, `report.md` and `figures/*.svg` from the tables of the folder; the path of `report.html`.

    The same tables give the same bytes.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    root = Path(folder)
    tables = read(root)
    knowledge: dict[str, dict[str, Any]] = {}
    drawings: dict[str, str] = {}
    for section in SECTIONS:
        summary = knowledge[section.name] = summarise(section, tables)
        for name, draw in section.figures.items():
            if "missing" not in summary:
                with style.styled():
                    drawings[name] = style.to_svg(draw(summary, tables), name)
    found = [(section, each) for section in SECTIONS for each in knowledge[section.name].get("findings", [])]
    knowledge["findings"] = {
        "promises": [pair for pair in found if pair[1].met is not None],
        "measured": [pair for pair in found if pair[1].met is None],
    }
    bodies = {section.name: _body(section, knowledge[section.name]) for section in SECTIONS}
    title = _title(tables)
    (root / "figures").mkdir(exist_ok=True)
    for name in (name for section in SECTIONS for name in section.figures):
        path = root / "figures" / f"{name}.svg"
        path.unlink(missing_ok=True)  # of an earlier run, which may have measured more
        if name in drawings:
            path.write_text('<?xml version="1.0" encoding="utf-8"?>\n' + drawings[name] + "\n", "utf-8", newline="\n")
    shown = [each for each in SECTIONS if "missing" not in knowledge[each.name] or _belongs(each, tables)]
    (root / "report.md").write_text(_markdown(title, shown, bodies), "utf-8", newline="\n")
    path = root / "report.html"
    path.write_text(_page(title, shown, bodies, drawings), "utf-8", newline="\n")
    return path


_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("plaplace.compare", "templates"),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=False,
    autoescape=lambda name: bool(name and name.endswith(".html.j2")),
)
_ENVIRONMENT.filters |= {
    "sig": words.sig, "percent": words.percent, "p": words.exponent, "many": words.count, "cell": words.cell,
    "statistic": called, "lower_first": lambda text: text[:1].lower() + text[1:],
}  # fmt: skip
_ENVIRONMENT.globals |= {"between": words.between, "tabulate": words.table}


def _title(tables: Tables) -> str:
    """What the report is of: estimators, detectors, both, or cost alone."""
    estimators, detectors, cost = tables.about
    if not detectors:
        return TITLE_OF_COST if cost and not estimators else TITLE
    return TITLE_OF_BOTH if "estimates" in tables or "coverage" in tables else TITLE_OF_WORLDS


def _belongs(section: Section, tables: Tables) -> bool:
    """Whether the run was about what the section is about, so that its absence has to be told."""
    estimators, detectors, cost = tables.about
    if section.name.startswith("detection"):
        about = detectors
    elif section.name.startswith("cost"):
        about = cost or estimators  # a stage of the run that compares estimators
    else:
        about = estimators
    return about or not (detectors or estimators or cost)


def _body(section: Section, summary: dict[str, Any]) -> str:
    """The section as Markdown; a figure is a line `[[figure: name: caption]]`."""
    if "missing" in summary:
        return str(summary["missing"])
    template = _ENVIRONMENT.get_template(f"sections/{section.name}.md.j2")
    return template.render(**summary, figure=lambda name, caption: f"[[figure: {name}: {' '.join(caption.split())}]]")


_TITLES = {name: section.title for section in SECTIONS for name in section.figures}
_FIGURE = re.compile(r"^\[\[figure: (\w+): (.*)\]\]$", re.MULTILINE)


def _markdown(title: str, shown: list[Section], bodies: dict[str, str]) -> str:
    def image(match: re.Match[str]) -> str:
        name, caption = match.groups()
        return f"![{_TITLES[name]}](figures/{name}.svg)\n\n*Figure: {caption}*"

    parts = {name: _FIGURE.sub(image, body) for name, body in bodies.items()}
    return _ENVIRONMENT.get_template("report.md.j2").render(title=title, sections=shown, bodies=parts) + "\n"


def _page(title: str, shown: list[Section], bodies: dict[str, str], drawings: dict[str, str]) -> str:
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")  # text from tables stays text

    def block(match: re.Match[str]) -> str:
        name, caption = match.groups()
        label = html.escape(_TITLES[name], quote=True)
        drawing = drawings[name].replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
        text = markdown.renderInline(caption)
        return (
            f'<figure id="figure-{name}"><div class="scroll" tabindex="0">{drawing}</div>'
            f"<figcaption>{text}</figcaption></figure>"
        )

    parts = {}
    for name, body in bodies.items():
        pieces, end = [], 0
        for match in _FIGURE.finditer(body):
            pieces += [markdown.render(body[end : match.start()]), block(match)]
            end = match.end()
        text = "".join([*pieces, markdown.render(body[end:])])
        text = re.sub(r"<td([^>]*)>([^<]{45,})</td>", r'<td class="long"\1>\2</td>', text)
        parts[name] = text.replace("<table>", '<div class="scroll" tabindex="0"><table>').replace(
            "</table>", "</table></div>"
        )
    css = (Path(__file__).parent / "templates" / "style.css").read_text("utf-8")
    return _ENVIRONMENT.get_template("page.html.j2").render(title=title, css=css, sections=shown, bodies=parts) + "\n"
