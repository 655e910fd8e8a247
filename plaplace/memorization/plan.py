"""From the names of statistics to what the pass must keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from plaplace.memorization.probes import MAIN
from plaplace.memorization.registry import statistics as registry
from plaplace.memorization.statistic import Ingredient, Statistic

__all__ = ["Plan", "plan"]


@dataclass(frozen=True)
class Plan:
    """Fields to be probed on the sphere and further ingredients, each once."""

    fields: tuple[str, ...]
    ingredients: tuple[Ingredient, ...]


def plan(statistics: Sequence[str | Statistic] | None, conditional: bool, training: bool, sphere: bool) -> Plan:
    """What these statistics need; None for the sphere of the main field alone.

    Args:
        conditional, training: whether there are conditions and training data.
        sphere: whether the main field is wanted whatever they need.

    Raises:
        KeyError: an unknown name.
        ValueError: one that needs a condition, or training data, where there is none.
    """
    if statistics is None:
        return Plan((MAIN,), ())
    names = [statistics] if isinstance(statistics, str) else statistics
    chosen = [each if isinstance(each, Statistic) else _named(each) for each in names]
    for each in chosen:
        if each.conditional and not conditional:
            raise ValueError(f"the statistic {each.name!r} needs a condition; give probe(condition=)")
        if not training and any(part.training for part in each.ingredients):
            raise ValueError(f"the statistic {each.name!r} needs the training data; give probe(training=)")
    fields = dict.fromkeys(name for each in chosen for name in each.fields)
    if sphere:
        fields[MAIN] = None
    if MAIN in fields:  # the same as one of the two when there is one
        own = "conditional" if conditional else "unconditional"
        fields = dict.fromkeys(own if name == MAIN else name for name in fields)
    ingredients = {part.name: part for each in chosen for part in each.ingredients}
    return Plan(tuple(fields), tuple(ingredients.values()))


def _named(name: str) -> Statistic:
    if name not in registry:
        raise KeyError(f"statistic {name!r} was given; accepted are {', '.join(registry)}")
    return registry[name]
