"""A verdict as one HTML file that opens without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

import plaplace.compare
from plaplace.verify.verdict import Verdict

__all__ = ["page"]

_HOUSE = Path(plaplace.compare.__file__).parent / "templates" / "style.css"
_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("plaplace.verify", "templates"),
    undefined=jinja2.StrictUndefined,
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(verdict: Verdict) -> str:
    """The page as text: the answer, every finding, how it was asked."""
    return _ENVIRONMENT.get_template("verdict.html.j2").render(
        v=verdict,
        css=Markup(_HOUSE.read_text("utf-8")),
        clauses=len({each.clause for each in verdict.findings}),
        command=_command(verdict),
    )


def _command(verdict: Verdict) -> str:
    """What gives this verdict again."""
    words = ["plaplace verify", verdict.name, f"--kind {verdict.kind}"]
    for name, value in verdict.settings.items():
        words += _options(name, value)
    return " ".join(words)


def _options(name: str, value: Any) -> list[str]:
    if name == "settings":
        return [f"--set {key}={each}" for key, each in value.items()]
    if name == "exponents":
        return ["--p " + ",".join(f"{each:g}" for each in value)]
    return [f"--{name.replace('_', '-')} {value}"]
