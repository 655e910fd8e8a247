"""The tables of a run, read back: all that the report knows."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

__all__ = ["FILES", "Tables", "read"]

# name -> file names it may have, in the order they are looked for
FILES = {
    "estimates": ("estimates.csv", "estimates.csv.gz"),
    "coverage": ("coverage.csv", "coverage.csv.gz"),
    "published": ("published.csv",),
    "maps": ("maps.csv.gz", "maps.csv"),
    "training": ("training.csv",),
    "cost": ("cost.csv",),
    "memory": ("memory.csv",),
    "rivals": ("rivals.csv",),
    "scanning": ("scanning.csv",),
    "accuracy": ("accuracy.csv", "accuracy.csv.gz"),
    "problems": ("problems.csv",),
    "detection": ("detection.csv",),
    "paired": ("paired.csv",),
    "roc": ("roc.csv.gz", "roc.csv"),
    "worlds": ("worlds.csv",),
    "gallery": ("gallery.csv",),
    "controls": ("controls.csv",),
}

_ABOUT = (
    ("estimates", "coverage", "maps", "published", "accuracy"),
    ("detection", "paired", "roc", "worlds", "gallery", "controls"),
    ("cost", "memory", "rivals", "scanning"),
)

_TEXT = {"label", "directions", "estimator", "problem", "score", "method", "kind", "what_is_wrong", "ball_mean_source"}


@dataclass(frozen=True)
class Tables:
    """Tables by name, those that were found and have rows, and the provenance (empty when there is none)."""

    tables: dict[str, pd.DataFrame]
    provenance: dict[str, Any] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.tables

    def __getitem__(self, name: str) -> pd.DataFrame:
        return self.tables[name]

    @property
    def about(self) -> tuple[bool, bool, bool]:
        """Whether estimators were compared, detectors, and whether costs were measured."""
        estimators, detectors, cost = (any(name in self for name in names) for names in _ABOUT)
        return estimators, detectors, cost

    def missing(self, names: tuple[str, ...]) -> list[str]:
        """File names of those tables that are not there."""
        return [FILES[name][0] for name in names if name not in self.tables]


def read(folder: str | Path) -> Tables:
    """Tables of a folder; absent and empty ones are left out.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    root = Path(folder)
    if not root.is_dir():
        raise FileNotFoundError(f"folder = {str(folder)!r} was given; it must hold the tables of plaplace compare")
    found: dict[str, pd.DataFrame] = {}
    for name, candidates in FILES.items():
        for candidate in candidates:
            path = root / candidate
            if path.is_file() and name not in found:
                table = _read_table(path)
                if len(table):
                    found[name] = table
    provenance = root / "provenance.json"
    return Tables(found, json.loads(provenance.read_text("utf-8")) if provenance.is_file() else {})


def _read_table(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, low_memory=False)
    except pd.errors.EmptyDataError:
        return pd.DataFrame()
    for column in _TEXT.intersection(table.columns):
        table[column] = table[column].fillna("").astype(str)
    return table
