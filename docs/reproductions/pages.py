"""The pages of this folder from their templates and the recorded tables: no measured number in them is typed.

    python docs/reproductions/pages.py

Reads results/reproductions/*/*.csv, tables of results/detection and reported.csv, the values others reported, and
writes one page a template. A test renders again and compares.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from plaplace.compare import words

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RESULTS = ROOT / "results" / "reproductions"


def one(table: pd.DataFrame, column: str, **where: Any) -> Any:
    """The value of a column in the one row where all the others are as given.

    Raises:
        ValueError: no such row, or several.
    """
    rows = table
    for name, value in where.items():
        rows = rows[rows[name] == value]
    if len(rows) != 1:
        raise ValueError(f"{column} where {where}: {len(rows)} rows; accepted is one")
    return rows[column].iloc[0]


def fixed(value: float, digits: int = 3) -> str:
    """That many digits after the point, with a true minus; rounded values of 0 have no sign.

    >>> fixed(-0.12345), fixed(-0.0001), fixed(4.3276, 1)
    ('−0.123', '0.000', '4.3')
    """
    text = f"{value:.{digits}f}"
    return (text.lstrip("-") if float(text) == 0 else text).replace("-", "−")


def interval(table: pd.DataFrame, column: str, **where: Any) -> str:
    """A value with its interval, "0.947 [0.927, 0.967]", from columns named `_low` and `_high` or `low` and `high`."""
    names = (f"{column}_low", f"{column}_high") if f"{column}_low" in table else ("low", "high")
    low, high = (min(max(one(table, name, **where), 0.0), 1.0) for name in names)
    return f"{fixed(one(table, column, **where))}\u00a0[{fixed(low)},\u00a0{fixed(high)}]"  # not broken in a cell


def tables() -> dict[str, pd.DataFrame]:
    """Every table as "paper_flux" and so on, the membership world of the detection run, and the reported values."""
    paths = sorted(RESULTS.glob("*/*.csv*"))
    found = {f"{path.parent.name}_{path.name.split('.')[0]}": pd.read_csv(path) for path in paths}
    recorded = pd.read_csv(ROOT / "results" / "detection" / "detection.csv")
    found["recorded"] = recorded[(recorded["world"] == "membership") & (recorded["view"] == "main")]
    paired = pd.read_csv(ROOT / "results" / "detection" / "paired.csv")
    found["paired"] = paired[paired["world"] == "membership"]
    found["reported"] = pd.read_csv(HERE / "reported.csv")
    return found


def render() -> dict[str, str]:
    """File name -> text of every page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters |= {"sig": words.sig, "percent": words.percent, "fixed": fixed}
    environment.globals |= {"one": one, "interval": interval, "abs": abs}
    known: dict[str, Any] = dict(tables())
    known["copied"] = lambda step: known["membership_copies"].query("step == @step")["copied"].mean()
    names = sorted(path.name for path in (HERE / "templates").glob("*.md.j2"))
    return {name.removesuffix(".j2"): environment.get_template(name).render(known) for name in names}


def main() -> None:
    """Write them."""
    for name, text in render().items():
        (HERE / name).write_text(text, "utf-8", newline="\n")


if __name__ == "__main__":
    main()
