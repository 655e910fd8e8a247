"""Worlds of the detection tables, in order, what they are called, and the checkpoint of each that is shown."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from plaplace.compare.reading import Tables
from plaplace.compare.statistic_names import OURS

__all__ = ["NOTHING", "PUBLISHED", "Place", "main_rows", "named", "of_ours", "operating_step", "places", "sides"]

NOTHING = ("dp", "clean")  # worlds where nothing should be found
PUBLISHED = ("flux_1", "noised iid")  # the estimator of arXiv 2610.11670
_UNTRAINED = 0


@dataclass(frozen=True)
class Place:
    """A world at the checkpoint that is shown.

    Attributes:
        world: name.
        step: of the training; 0 for a model that is not trained.
        title: for panels and headings.
        task: the main one.
        tasks: all, the main one first.
    """

    world: str
    step: int
    title: str
    task: str
    tasks: tuple[str, ...]


def places(detection: pd.DataFrame) -> list[Place]:
    """Every world with a comparison, in the order of the table."""
    main = detection[detection["view"] == "main"]
    found = []
    for world, rows in main.groupby("world", sort=False):
        steps = rows["step"].unique()
        step = operating_step(rows)
        tasks = tuple(dict.fromkeys(rows.loc[rows["step"] == step, "task"]))
        found.append(Place(str(world), step, named(str(world), step, len(steps) > 1), tasks[0], tasks))
    return found


def operating_step(rows: pd.DataFrame) -> int:
    """The checkpoint of a world that is shown: the last one at which everything was compared."""
    return int(rows["step"].max())


def named(world: str, step: int, several: bool) -> str:
    """A world, with the step where it has several.

    >>> named("membership", 6000, True), named("dp", 800, False)
    ('membership, step 6,000', 'dp')
    """
    return f"{world}, step {step:,}" if several and step != _UNTRAINED else world


def main_rows(tables: Tables, place: Place) -> pd.DataFrame:
    """The comparison at a place, all tasks."""
    table = tables["detection"]
    return table[(table["view"] == "main") & (table["world"] == place.world) & (table["step"] == place.step)]


def of_ours(paired: pd.DataFrame) -> pd.DataFrame:
    """Rows of our detector; the others hold the exact operator against its estimates."""
    return paired[paired["ours"].str.startswith(f"{OURS}, ")]


def sides(task: str) -> tuple[str, str]:
    """The groups that a task tells apart.

    >>> sides("x10 / held out")
    ('x10', 'held out')
    """
    positive, _, negative = task.partition(" / ")
    return positive, negative
