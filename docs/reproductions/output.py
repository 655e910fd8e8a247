"""What the scripts of this folder share: arguments, one thread, tables with fixed digits, figures with fixed bytes."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from matplotlib.figure import Figure

from plaplace.compare.figures.style import styled, to_svg

__all__ = ["arguments", "write_figure", "write_table"]


def arguments(description: str, **counts: int) -> argparse.Namespace:
    """`--out DIR`, `--quick`, and a whole number for each of `counts` with its default; torch is set to one thread."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, required=True, help="folder of the tables and figures; made if missing")
    parser.add_argument("--quick", action="store_true", help="the same at a size of seconds; no numbers to quote")
    for name, default in counts.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"training runs; left out {default}")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    return given


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Write rows as CSV, floats to 6 significant digits; gives back what is in the file."""
    # no time stamp in a .gz: the same rows give the same bytes
    how = {"method": "gzip", "mtime": 0} if path.suffix == ".gz" else None
    pd.DataFrame(rows).to_csv(path, index=False, float_format="%.6g", lineterminator="\n", compression=how)
    return pd.read_csv(path)


def write_figure(path: Path, drawing: Figure) -> None:
    """Write an SVG file: the same numbers give the same bytes. Nothing but the figure is drawn in: no date, no path."""
    with styled():
        text = to_svg(drawing, path.stem)
    path.write_text('<?xml version="1.0" encoding="utf-8"?>\n' + text + "\n", "utf-8", newline="\n")
