"""Made-up tables of costs whose answers are known: times are 4 times a floor and grow as N K D says."""

from __future__ import annotations

from itertools import product
from typing import Any

import pandas as pd

KINDS = ("spherical", "diagonal", "low_rank", "full")
SIZES = (10, 30, 100, 200, 500, 1000)
DISPATCH = 1.0  # ms


def cost(**exponents: float) -> pd.DataFrame:
    """`full_D=1.5` and such set a growth; the others are nominal."""
    rows: list[dict[str, Any]] = [_exact("dispatch", kind, 8, DISPATCH, "float64") for kind in KINDS]
    for kind, letter, size, dtype in product(KINDS, "NKD", SIZES, ("float64", "float32")):
        grown = exponents.get(f"{kind}_{letter}", 2.0 if (kind, letter) == ("full", "D") else 1.0)
        # the smallest size lies within dispatch and must not count
        time = 2 * DISPATCH if size == SIZES[0] else 8 * DISPATCH * (size / SIZES[1]) ** grown
        rows.append(_exact(letter, kind, size, time / (2 if dtype == "float32" else 1), dtype))
    rows += [
        estimator("unet", "sphere_flux", "frame", 8, forwards=8.2, most=8.4),
        estimator("mlp", "hutchinson", "tangent", 8, forwards=9.0, most=9.8, five=1.01),
        estimator("mlp", "autodiff", "exact trace", 64, forwards=50.0, most=55.0),
        estimator("mlp", "finite_difference", "central", 64, forwards=130.0),
    ]
    return pd.DataFrame(rows)


def _exact(sweep: str, kind: str, size: int, time: float, dtype: str) -> dict[str, Any]:
    sizes = {"N": 64, "K": 8, "D": 8} | ({} if sweep == "dispatch" else {sweep: size})
    return {"table": "exact", "sweep": sweep, "kind": kind, **sizes, "dtype": dtype, "cpu_ms": time,
            "cpu_low": 0.9 * time, "cpu_high": 1.1 * time, "wall_ms": time, "floor_ms": time / 4, "ratio": 4.0,
            "repeats": 7}  # fmt: skip


def estimator(
    network: str, name: str, kind: str, m: int, forwards: float, most: float | None = None, five: float = 1.0
) -> dict[str, Any]:
    return {"table": "estimator", "network": network, "contender": name, "kind": kind, "N": 8, "D": 64,
            "dtype": "float32", "num_directions": m, "num_evaluations": float(m), "cpu_ms": forwards,
            "cpu_low": forwards, "cpu_high": forwards, "wall_ms": forwards, "floor_ms": float(m), "ratio": forwards / m,
            "forwards": forwards, "forwards_low": 0.9 * forwards, "forwards_high": 1.1 * forwards, "most": most,
            "five": five, "five_low": five - 0.005, "five_high": five + 0.005, "repeats": 7}  # fmt: skip


def memory(each: float = 32.0) -> pd.DataFrame:
    """20 MiB and `each` bytes a point."""
    return pd.DataFrame(
        {"kind": kind, "N": n, "K": 32, "D": 16, "held_mib": n * 136 / 2**20, "rise_mib": 20 + each * n / 2**20}
        for kind, n in product(KINDS, (1_000, 10_000, 100_000))
    )


def rivals(closed: float = 4.0, floor: float = 0.5) -> pd.DataFrame:
    """One case: ours 10 ms; the closed form `closed` times that, the floor `floor` times; folx absent."""
    shape = {"case": "full-64", "form": "typical", "kind": "full", "D": 64, "K": 64, "N": 4096, "dtype": "float64"}

    def row(name: str, role: str, quantity: str, ratio: float | None, **more: Any) -> dict[str, Any]:
        ran = {} if ratio is None else _times(10 * ratio, ratio)
        blank = {"target": None, "target_of": "", "reached": "", "timed_rows": 4096, "version": "", "note": ""}
        return (
            {**shape, "contender": name, "role": role, "quantity": quantity, "against": "p_laplacian"}
            | ran
            | blank
            | more
        )

    best = {"target": 1 / 3, "target_of": "at least 3 x faster than the best rival", "note": "best rival here"}
    return pd.DataFrame(
        [
            row("plaplace", "ours", "p_laplacian", 1.0),
            row("plaplace, compiled", "ours", "p_laplacian", 0.25),
            row("plaplace", "ours", "laplacian", 0.5),
            row("gemm", "floor", "", floor, target=2.0, target_of="at most 2 x gemm"),
            row("JAX closed form", "rival", "laplacian", closed, **best),
            row("JAX closed form", "rival", "laplacian", 2 * closed, against="laplacian"),
            row("scikit-learn", "rival", "log_prob", 0.8),
            row("folx", "rival", "laplacian", None, note="not run: folx is not installed"),
        ]
    )


def _times(time: float, ratio: float) -> dict[str, Any]:
    return {"cpu_ms": time, "cpu_low": time, "cpu_high": time, "wall_ms": time, "repeats": 7, "ratio": ratio,
            "ratio_low": 0.9 * ratio, "ratio_high": 1.1 * ratio}  # fmt: skip


def scanning() -> pd.DataFrame:
    """Round numbers: products at 100 GFLOP/s, a U-Net of 0.5 GFLOP at 80% of that, pictures read in 1, 4 and 16 ms."""
    values = {
        "read_28": (1.0, "ms"), "read_512": (4.0, "ms"), "read_1024": (16.0, "ms"),
        "product_gflops": (100.0, "GFLOP/s"),
        "unet_gflop": (0.5, "GFLOP"), "unet_gflops": (80.0, "GFLOP/s"), "unet_over_product": (0.8, None),
        "pass_over_calls": (1.0, None),
    }  # fmt: skip
    return pd.DataFrame(
        {"quantity": name, "value": value, "low": value, "high": value, "unit": unit, "how": "made up"}
        for name, (value, unit) in values.items()
    )


def everything() -> dict[str, pd.DataFrame]:
    return {"cost": cost(), "memory": memory(), "rivals": rivals(), "scanning": scanning()}
