"""The templates, put together."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

import plaplace.compare
from plaplace.compare import words
from plaplace.compare.figures import style
from plaplace.scan.findings import Findings
from plaplace.scan.report import answer, calibration, charts, cost, gallery, rows
from plaplace.scan.report.numbers import visible

__all__ = ["render"]

_TEMPLATES = Path(__file__).parent / "templates"
_HOUSE = Path(plaplace.compare.__file__).parent / "templates" / "style.css"
_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_TEMPLATES),
    undefined=jinja2.StrictUndefined,
    autoescape=True,
    finalize=lambda value: visible(value) if type(value) is str else value,  # before it is escaped
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters |= {"sig": words.sig, "percent": words.percent, "many": words.count, "visible": visible}

SECTIONS = {
    "answer": "The answer",
    "gallery": "The highest ranked",
    "spread": "Scores",
    "calibration": "Calibration",
    "tables": "Images",
    "failures": "What could not be read",
    "cost": "Cost",
    "reproduce": "Reproduce and cite",
}


def render(findings: Findings) -> str:
    """The page as text."""
    judged = calibration.calibrate(findings)
    drawings, rules = _drawings(findings, judged)
    css = "\n".join([_HOUSE.read_text("utf-8"), (_TEMPLATES / "style.css").read_text("utf-8"), *rules])
    script = (_TEMPLATES / "table.js").read_text("utf-8")
    tables = [
        (name, title, columns, list(rows.rows(table, columns)))
        for name, title, table in (
            ("top", "Highest ranked", findings.top),
            ("sample", "All images" if len(findings.sample) == findings.total else "Random sample", findings.sample),
        )
        if len(table)
        for columns in [rows.columns(findings, table)]
    ]
    left_out = {"calibration"} if judged is None else set()
    return _ENVIRONMENT.get_template("page.html.j2").render(
        f=findings,
        sections={name: title for name, title in SECTIONS.items() if name not in left_out},
        headline=answer.headline(findings),
        shares=answer.shares(findings),
        steps=answer.steps(findings, judged),
        calibration=judged,
        drawings=drawings,
        cards=gallery.cards(findings),
        tables=tables,
        verdicts=[each.verdict for each in answer.shares(findings)],
        failures=findings.failures.to_dict("records"),
        cost=cost.lines(findings),
        ahead=cost.ahead(findings),
        css=Markup(css),
        script=Markup(script),
        css_hash=_hash(css),
        script_hash=_hash(script),
    )


def _drawings(findings: Findings, judged: calibration.Calibration | None) -> tuple[dict[str, Any], list[str]]:
    """name -> SVG, and the rules of each."""
    figures = {}
    with style.styled():
        if findings.spread.images.sum():
            figures["spread"] = charts.spread_chart(findings), "How the scores of images and reference are distributed"
        if judged is not None:
            label = "Share of images at or below each p-value"
            figures["calibration"] = charts.calibration_chart(findings, judged), label
    drawn = {name: charts.themed(drawing, name, label) for name, (drawing, label) in figures.items()}
    return {name: Markup(svg) for name, (svg, _) in drawn.items()}, [rule for _, rule in drawn.values()]


def _hash(text: str) -> str:
    """What a content security policy calls the text by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
