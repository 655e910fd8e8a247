"""The statistics by name. To add one: write a function, wrap it in a `Statistic`, put it here or in this dict."""

from __future__ import annotations

from plaplace.memorization.formulas import (
    centre,
    conditional,
    curvature,
    dimension,
    flux,
    gap_curvature,
    loss,
    normal_bundle,
    oracle,
    pia,
    secmi,
    spectrum,
    trajectory,
    volume,
)
from plaplace.memorization.statistic import Statistic

__all__ = ["statistics"]

_MODULES = (
    *(flux, volume, loss, centre, pia, secmi, curvature, spectrum, dimension, normal_bundle),
    *(trajectory, conditional, gap_curvature, oracle),
)

statistics: dict[str, Statistic] = {each.name: each for module in _MODULES for each in module.STATISTICS}
