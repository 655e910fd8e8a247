"""Names, colours, markers and dashes of the contenders, the same in every figure and table of the report."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

__all__ = ["Look", "contender", "look", "with_contender"]


@dataclass(frozen=True)
class Look:
    """How a contender is called and drawn; markers and dashes tell them apart where colours do not."""

    title: str
    color: str
    marker: str
    dash: str | tuple[float, tuple[float, ...]]
    order: int


_SHORT, _DOTS, _LONG = (0.0, (3.0, 1.5)), (0.0, (1.0, 1.2)), (0.0, (6.0, 1.5, 1.0, 1.5))

# (estimator, directions) -> look; "" for directions is the estimator at large
LOOKS: dict[tuple[str, str], tuple[str, str, str, str | tuple[float, tuple[float, ...]]]] = {
    ("sphere_flux", "iid"): ("flux, iid (the paper's)", "#D55E00", "o", "--"),
    ("sphere_flux", "antithetic"): ("flux, antithetic pairs", "#E69F00", "s", "-."),
    ("sphere_flux", "frame"): ("flux, ± frames (ours)", "#0072B2", "D", "-"),
    ("sphere_flux", "orthonormal"): ("flux, one-sided frames + control", "#56B4E9", "^", _SHORT),
    ("sphere_flux", "sobol"): ("flux, Sobol", "#009E73", "v", _DOTS),
    ("sphere_flux", "frame+richardson"): ("flux, ± frames, Richardson", "#003B73", "P", _LONG),
    ("ball_volume", ""): ("ball volume (the paper's second)", "#CC79A7", "X", "--"),
    ("hutchinson", "plain/rademacher"): ("Hutchinson, Rademacher", "#8C8C8C", "<", _DOTS),
    ("hutchinson", "plain/orthonormal"): ("Hutchinson, orthonormal", "#6E6E6E", ">", _SHORT),
    ("hutchinson", "tangent/rademacher"): ("Hutchinson, tangent, Rademacher", "#9A7FC0", "h", _DOTS),
    ("hutchinson", "tangent/orthonormal"): ("Hutchinson, tangent, orthonormal", "#5B3A8C", "*", "-"),
    ("hutchinson", "hutch++"): ("Hutch++", "#B09A00", "p", _LONG),
    ("hutchinson", "xtrace"): ("XTrace", "#6B5E00", "d", _LONG),
    ("autodiff", ""): ("autodiff (exact trace)", "#000000", "+", "-"),
    ("finite_difference", ""): ("finite differences", "#444444", "x", "--"),
}


def contender(estimator: str, directions: str) -> str:
    """The title of an estimator with its directions or method.

    >>> contender("sphere_flux", "frame"), contender("autodiff", "reverse"), contender("mine", "")
    ('flux, ± frames (ours)', 'autodiff (exact trace)', 'mine')
    """
    head = directions.split("/")[0]
    for key in ((estimator, directions), (estimator, head), (estimator, "")):
        if key in LOOKS:
            return LOOKS[key][0]
    return f"{estimator}, {directions}" if directions else estimator


def look(title: str) -> Look:
    """How the contender of that title is drawn; an unknown one in grey, after all others."""
    for order, (name, color, marker, dash) in enumerate(LOOKS.values()):
        if name == title:
            return Look(name, color, marker, dash, order)
    return Look(title, "#777777", ".", ":", len(LOOKS))


def with_contender(table: pd.DataFrame) -> pd.DataFrame:
    """The table with a column `contender`, the title."""
    titles = [contender(e, d) for e, d in zip(table["estimator"], table["directions"], strict=True)]
    return table.assign(contender=titles)
