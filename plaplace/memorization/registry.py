"""The statistics by name. To add one: write a function, wrap it in a `Statistic`, put it here or in this dict."""

from __future__ import annotations

from plaplace.memorization.formulas import flux, loss
from plaplace.memorization.statistic import Statistic

__all__ = ["statistics"]

_MODULES = (flux, loss)

statistics: dict[str, Statistic] = {each.name: each for module in _MODULES for each in module.STATISTICS}
