"""Made-up tables of a comparison, whose answers are known: all errors are put in by hand."""

from __future__ import annotations

import json
import math
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from plaplace.compare.reading import FILES
from tests import compare_cost_tables, compare_detection_tables

LABELS = ("mode 1", "midpoint 1", "centre", "flank", "tail")
METHODS = (
    ("sphere_flux", "iid", 1.0), ("sphere_flux", "antithetic", 0.1), ("sphere_flux", "frame", 0.01),
    ("sphere_flux", "frame+richardson", 0.01), ("ball_volume", "", 3.0), ("hutchinson", "tangent/orthonormal", 0.02),
)  # fmt: skip
BIAS = 0.5  # relative bias of a ball of one width; falls as the square of the radius


def estimates() -> pd.DataFrame:
    """Values -5 everywhere; relative sampling error `size/sqrt(m)` normal, bias `BIAS R^2`, network error 0.1."""
    rng = np.random.default_rng(0)
    rows = []
    for problem, (point, label), score, (estimator, directions, size), p, m, radius, seed in product(
        ("triangle", "digits"), enumerate(LABELS), ("exact", "learned"), METHODS, (1.0, 2.0), (16, 64), (0.1, 0.3, 1.0),
        range(4),
    ):  # fmt: skip
        pointwise = estimator == "hutchinson"
        if pointwise and radius > 0.1:
            continue
        exact = -5.0
        bias = 0.0 if pointwise or "richardson" in directions else BIAS * radius**2
        mean = exact * (1 + bias)
        on_exact = mean + abs(exact) * size / math.sqrt(m) * rng.normal()
        rows.append(
            {
                "problem": problem, "point": point, "label": label, "score": score, "estimator": estimator,
                "directions": directions, "p": p, "radius": None if pointwise else radius, "num_directions": m,
                "seed": seed, "value": on_exact if score == "exact" else on_exact + 0.1 * abs(exact),
                "standard_error": 0.1, "degrees_of_freedom": 3, "num_evaluations": m, "wall_ms": 1.0,
                "exact_value": exact, "ball_mean": None if pointwise else mean, "ball_mean_error": 0.0,
                "ball_mean_source": "quadrature", "value_on_exact": on_exact, "run_id": "r",
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def coverage_cells(repeats: int = 400, frame_sd: float = 0.001) -> pd.DataFrame:
    rows = []
    sizes = {"iid": 1.0, "antithetic": 0.02, "frame": frame_sd, "tangent/orthonormal": 0.002}
    for problem, (point, label), (directions, sd), p, ratio in product(
        ("triangle", "digits"), enumerate(LABELS), sizes.items(), (1.0, 2.0), (0.1, 1.0)
    ):
        pointwise = directions.startswith("tangent")
        rows.append(
            {
                "problem": problem, "point": point, "label": label,
                "estimator": "hutchinson" if pointwise else "sphere_flux", "directions": directions, "p": p,
                "radius": None if pointwise else ratio, "radius_over_width": None if pointwise else ratio,
                "num_directions": 64, "num_evaluations": 63 if pointwise else 64, "repeats": repeats, "mean": -5.0,
                "sd": sd, "mean_standard_error": sd, "degrees_of_freedom": 15, "covered": 380, "coverage": 0.95,
                "truth": -5.0, "truth_error": 0.0, "exact_value": -5.0, "remark": "", "run_id": "r",
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def others() -> dict[str, pd.DataFrame]:
    grid = [-1.0, 0.0, 1.0]
    maps = [
        {"score": score, "x": x, "y": y, **dict.fromkeys(("p1", "p1.5", "p2", "p3"), x + 0.5), "score_x": -x,
         "score_y": -y, "run_id": "r"}
        for score, x, y in product(("exact", "learned"), grid, grid)
    ]  # fmt: skip
    published = [
        {"problem": "triangle", "point": i, "label": label, "version": version, "p": p, "radius": 1.0,
         "num_directions": 64, "repeats": 200, "mean": mean, "sd": 0.1, "ball_mean": -4.0, "ball_mean_error": 0.0,
         "wrong": "" if version == "ours" else f"fault of {version}", "run_id": "r"}
        for (i, label), (version, mean), p in product(
            enumerate(LABELS), (("as published", -1.0), ("as defined", -4.0), ("ours", -4.0)), (1.0, 2.0)
        )
    ]  # fmt: skip
    training = [
        {"problem": "triangle", "recipe": "paper-toy", "budget": "full", "parameters": 1, "step": step,
         "loss": 1 / step, "seconds": 1.0, "alpha": 1.0, "sigma": 0.1,
         "relative_score_error": 0.125 if step == 100 else None, "run_id": "r"}
        for step in (10, 100)
    ]  # fmt: skip
    accurate = [
        {"case": f"case {i}", "family": "far tail", "kind": "full", "D": 2, "K": 2, "quantity": "p_laplacian", "p": 1.0,
         "eps": 0.0, "condition": 10.0**i, "relative_error": 2e-16, "promise": 1e-12 * 10.0**i,
         "naive_relative_error": math.inf if i else 1e-15}
        for i in range(4)
    ]  # fmt: skip
    frames = {"maps": maps, "published": published, "training": training, "accuracy": accurate}
    return {name: pd.DataFrame(rows) for name, rows in frames.items()} | compare_cost_tables.everything()


def write(folder: Path, **changed: pd.DataFrame | None) -> Path:
    """All tables, or with the named ones replaced (None: left out)."""
    everything = {"estimates": estimates(), "coverage": coverage_cells(), **others()}
    everything = everything | compare_detection_tables.everything() | changed
    for name, table in everything.items():
        if table is not None:
            table.to_csv(folder / FILES[name][0], index=False)
    provenance = {"command": "plaplace compare --out report", "torch": "2.13.0", "seconds": {"training": 12.5}}
    (folder / "provenance.json").write_text(json.dumps(provenance))
    return folder
