"""The tables of the detection part, and their rows as they come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from plaplace.compare import tables

__all__ = ["TABLES", "Rows"]

TABLES = ("detection.csv", "paired.csv", "roc.csv.gz", "worlds.csv", "gallery.csv", "controls.csv")


@dataclass
class Rows:
    """Rows of every table so far."""

    run_id: str
    quick: bool
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in TABLES})

    def add(self, table: str, rows: Sequence[dict[str, Any] | None]) -> None:
        """Those that are not None."""
        self.rows[table] += [row for row in rows if row is not None]

    def extend(self, rows: Mapping[str, list[dict[str, Any]]]) -> None:
        """Rows of another process."""
        for name, more in rows.items():
            self.rows[name] += more

    def write(self, folder: Path) -> None:
        """Every table, as far as it has come."""
        for name, rows in self.rows.items():
            tables.write(folder / name, rows)
