"""The highest-ranked images of a world beside their nearest training images."""

from __future__ import annotations

from typing import Any

import pandas as pd

from plaplace.compare.reading import Tables
from plaplace.compare.statistic_names import title_of
from plaplace.compare.summaries.places import NOTHING, Place, places, sides

__all__ = ["summarise"]


def summarise(tables: Tables) -> dict[str, Any]:
    """A dict a world: title, images by rank, whether each is rightly there (None: of neither side of a task)."""
    known = {place.world: place for place in places(tables["detection"])} if "detection" in tables else {}
    worlds = []
    for world, rows in tables["gallery"].groupby("world", sort=False):
        place = known.get(str(world))
        step = place.step if place and (rows["step"] == place.step).any() else int(rows["step"].max())
        rows = rows[rows["step"] == step].sort_values("rank")
        items = [item | {"right": _right(str(item["group"]), place)} for item in rows.to_dict("records")]
        worlds.append({"world": str(world), "title": place.title if place else str(world), "items": items})
    return {"worlds": worlds, "rows": [_row(each) for each in worlds]}


def _right(group: str, place: Place | None) -> bool | None:
    """Whether an image of the group is rightly ranked high; every one is wrong where there is nothing to find."""
    if place is None:
        return None
    if place.world in NOTHING:
        return False
    positives, negatives = zip(*map(sides, place.tasks), strict=True)
    if group in negatives:
        return False
    return True if group in positives else None


def _row(each: dict[str, Any]) -> list[object]:
    items = pd.DataFrame(each["items"])
    groups = items["group"].value_counts(sort=False)
    return [
        each["title"],
        title_of(str(items["statistic"].iloc[0])),
        len(items),
        int(sum(right is True for right in items["right"])),
        ", ".join(f"{name} {number}" for name, number in sorted(groups.items(), key=lambda pair: (-pair[1], pair[0]))),
        float(items["distance"].median()),
    ]
