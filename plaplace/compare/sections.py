"""The sections of the report, in order: what each needs, who makes its numbers, and who draws them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from matplotlib.figure import Figure

from plaplace.compare import figures, summaries
from plaplace.compare.reading import Tables

__all__ = ["SECTIONS", "Section", "summarise"]


@dataclass(frozen=True)
class Section:
    """One section.

    Attributes:
        name: of its template, and of its anchor in the page.
        title: its heading.
        needs: tables it cannot do without; coverage.csv is the one that knows radii in widths.
        summarise: tables -> what template and figures know; its "findings" go to the front.
        core: key of the summary that must not be empty; "" for none.
        figures: name -> (summary, tables) -> Figure.
        absent: what to say besides when a table is missing.
    """

    name: str
    title: str
    needs: tuple[str, ...] = ()
    summarise: Callable[[Tables], dict[str, Any]] = lambda tables: {}
    core: str = ""
    figures: Mapping[str, Callable[[dict[str, Any], Tables], Figure]] = field(default_factory=dict)
    absent: str = ""


def _only(draw: Callable[[dict[str, Any]], Figure]) -> Callable[[dict[str, Any], Tables], Figure]:
    return lambda summary, tables: draw(summary)


SECTIONS = (
    Section("question", "What was asked", summarise=summaries.question.summarise),
    Section("findings", "Main findings"),
    Section(
        "paper",
        "The paper's figure, redone",
        ("estimates",),
        summaries.paper.summarise,
        "lines",
        {"paper": lambda summary, tables: figures.paper.draw(summary, tables.tables.get("maps"))},
    ),
    Section(
        "maps",
        "Maps of the p-Laplacian",
        ("maps",),
        summaries.maps.summarise,
        "scores",
        {"maps": lambda summary, tables: figures.maps.draw(summary, tables["maps"])},
    ),
    Section(
        "convergence",
        "Error against score evaluations",
        ("estimates",),
        summaries.convergence.summarise,
        "curves",
        {"convergence": _only(figures.convergence.draw)},
    ),
    Section(
        "bias",
        "Bias against radius",
        ("estimates", "coverage"),
        summaries.bias.summarise,
        "curve",
        {"bias": _only(figures.bias.draw)},
    ),
    Section(
        "sweep",
        "The exponent p",
        ("estimates", "coverage"),
        summaries.sweep.summarise,
        "exact",
        {"sweep": _only(figures.sweep.draw)},
    ),
    Section(
        "budget",
        "Where the error of a learned score comes from",
        ("estimates", "coverage"),
        summaries.budget.summarise,
        "table",
        {"budget": _only(figures.budget.draw)},
    ),
    Section(
        "coverage",
        "Can the standard errors be believed?",
        ("coverage",),
        summaries.coverage.summarise,
        "lines",
        {"coverage": _only(figures.coverage.draw)},
    ),
    Section(
        "variance",
        "Variance of ± frames against independent directions and pairs",
        ("coverage",),
        summaries.variance.summarise,
        "lines",
        {"variance": lambda summary, tables: figures.variance.draw(summary, tables["coverage"])},
    ),
    Section(
        "tangent",
        "Against Hutchinson on the tangent space, at equal cost",
        ("coverage",),
        summaries.tangent.summarise,
        "lines",
    ),
    Section(
        "cost",
        "Cost of exact values against N, K and D",
        ("cost",),
        summaries.cost.summarise,
        "curves",
        {"cost": _only(figures.cost.draw)},
    ),
    Section(
        "cost_memory",
        "Memory of exact values against N",
        ("memory",),
        summaries.cost_memory.summarise,
        "lines",
        {"cost_memory": _only(figures.cost_memory.draw)},
        "It is measured on Linux alone.",
    ),
    Section(
        "cost_rivals",
        "Speed beside rivals and the machine's floor",
        ("rivals",),
        summaries.cost_rivals.summarise,
        "contests",
        {"cost_rivals": _only(figures.cost_rivals.draw)},
    ),
    Section(
        "cost_estimators",
        "Estimators beside the score calls they count",
        ("cost",),
        summaries.cost_estimators.summarise,
        "lines",
        {"cost_estimators": _only(figures.cost_estimators.draw)},
    ),
    Section(
        "cost_scans",
        "Estimates: what scans of a million to a billion images would take",
        ("scanning",),
        summaries.cost_scans.summarise,
        "lines",
        {"cost_scans": _only(figures.cost_scans.draw)},
    ),
    Section(
        "accuracy",
        "Accuracy of the exact values",
        ("accuracy",),
        summaries.accuracy.summarise,
        "families",
        {"accuracy": _only(figures.accuracy.draw)},
        "The certified tables are part of the source repository; this stage runs in a checkout of it.",
    ),
    Section(
        "published",
        "The paper's estimator: as published, as defined, ours",
        ("published",),
        summaries.published.summarise,
        "lines",
        {"published": _only(figures.published.draw)},
    ),
    Section(
        "detection_worlds",
        "Detection: the models that were judged",
        ("worlds",),
        summaries.detection_worlds.summarise,
        "rows",
    ),
    Section(
        "detection",
        "Which statistic tells memorized images?",
        ("detection",),
        summaries.detection.summarise,
        "worlds",
        {"detection": _only(figures.detection.draw)},
    ),
    Section(
        "detection_roc",
        "ROC curves",
        ("detection", "roc"),
        summaries.detection_roc.summarise,
        "lines",
        {"detection_roc": _only(figures.detection_roc.draw)},
    ),
    Section(
        "detection_calls",
        "Detection against network calls",
        ("detection",),
        summaries.detection_lines.calls,
        "lines",
        {"detection_calls": _only(figures.detection_lines.draw_calls)},
    ),
    Section(
        "detection_levels",
        "Detection against the noise and the exponent",
        ("detection",),
        summaries.detection_lines.levels,
        "lines",
        {
            "detection_levels": _only(figures.detection_lines.draw_levels),
            "detection_exponents": _only(figures.detection_lines.draw_exponents),
        },
    ),
    Section(
        "detection_onset",
        "When along training memorization shows",
        ("detection",),
        summaries.detection_onset.summarise,
        "lines",
        {"detection_onset": _only(figures.detection_onset.draw)},
    ),
    Section(
        "detection_paired",
        "Our detector against each rival",
        ("detection", "paired"),
        summaries.detection_paired.summarise,
        "lines",
        {"detection_paired": _only(figures.detection_paired.draw)},
    ),
    Section(
        "detection_gallery",
        "The highest-ranked images",
        ("gallery",),
        summaries.detection_gallery.summarise,
        "worlds",
        {"detection_gallery": _only(figures.detection_gallery.draw)},
    ),
    Section(
        "detection_controls",
        "Discoveries where there should be none",
        ("controls",),
        summaries.detection_controls.summarise,
        "any",
        {"detection_controls": _only(figures.detection_controls.draw)},
    ),
    Section(
        "detection_failures",
        "What failed in detection, and where",
        ("detection",),
        summaries.detection_failures.summarise,
        "places",
    ),
    Section(
        "networks",
        "The networks",
        ("training",),
        summaries.networks.summarise,
        "lines",
        {"networks": _only(figures.networks.draw)},
    ),
    Section("provenance", "Provenance, limits, and how to reproduce", summarise=summaries.provenance.summarise),
)


def summarise(section: Section, tables: Tables) -> dict[str, Any]:
    """The section's summary, or {"missing": a sentence} where the run has no tables or no rows for it."""
    missing = tables.missing(section.needs)
    if missing:
        files = "`, `".join(missing)
        return {"missing": f"Not measured in this run: `{files}` is not among its tables. {section.absent}".strip()}
    summary = section.summarise(tables)
    if section.core and not len(summary[section.core]):
        return {"missing": f"Not measured in this run: `{section.needs[0]}.csv` has no rows for it."}
    return summary
