"""The highest ranked as cards: pictures with their size, and the numbers beneath."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from plaplace.scan.findings import Findings, Picture
from plaplace.scan.report.numbers import probability, with_error

__all__ = ["Card", "cards", "size_of"]

SMALL, LARGE = 96, 128  # pixels: up to the first magnified in squares, from the second on in wider cards
_HEAD = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


@dataclass(frozen=True)
class Card:
    """A picture and its numbers.

    Attributes:
        picture: as found.
        panes: (what it is, base64 PNG, width, height) of the image and of the reconstruction.
        small, large: whether to magnify it in squares, and whether to give it a wider card.
        lines: (title, value) beneath.
        verdict: "" where nothing was judged.
    """

    picture: Picture
    panes: Sequence[tuple[str, str, int, int]]
    small: bool
    large: bool
    lines: Sequence[tuple[str, str]]
    verdict: str


def size_of(png: str) -> tuple[int, int]:
    """Width and height of a base64 PNG, from its first 24 bytes; (0, 0) where it is none."""
    try:
        head = base64.b64decode(png[:32], validate=True)
    except (binascii.Error, ValueError):
        return 0, 0
    if not head.startswith(_HEAD) or len(head) < 24:
        return 0, 0
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def cards(findings: Findings) -> list[Card]:
    """One a picture, in their order."""
    return [_card(each, findings.reference is not None) for each in findings.pictures]


def _card(picture: Picture, judged: bool) -> Card:
    names = {"image": picture.image, "reconstruction": picture.reconstruction}
    panes = [(name, png, *size_of(png)) for name, png in names.items()]
    largest = max(max(width, height) for _, _, width, height in panes)
    row = picture.row
    score, error = with_error(_number(row.get("score")), _number(row.get("score_se")))
    lines = [("score", f"{score} ± {error}" if error else score)]
    if judged:
        lines += [(name[0], probability(_number(row.get(name)))) for name in ("p_value", "q_value")]
    return Card(
        picture, panes, 0 < largest <= SMALL, largest >= LARGE, lines, str(row.get("verdict", "")) if judged else ""
    )


def _number(value: Any) -> float:
    return float("nan") if value is None or pd.isna(value) else float(value)
