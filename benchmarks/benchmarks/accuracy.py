"""Errors of the exact core: over the promise, against the certified tables of `reference/`; of float32."""

import math
import sys
from fractions import Fraction
from pathlib import Path

import torch

from plaplace import GaussianMixture, LowRank

from .common import KINDS, device, mixture

sys.path.append(str(Path(__file__).parents[2]))
from reference import families, tables

CASES = list(tables.read("cases.csv"))
FAMILIES = list(dict.fromkeys(line["family"] for line in CASES))


def own(case):
    """The library's mixture of a case."""
    covariance = torch.from_numpy(case.covariance)
    if case.factors is not None:
        covariance = LowRank(covariance, torch.from_numpy(case.factors))
    return GaussianMixture(torch.from_numpy(case.weights), torch.from_numpy(case.means), covariance)


class Certified:
    """Largest error over all rows of a family, in units of `1e-12 max(1, condition)`: the promise is at most 1."""

    params = FAMILIES
    param_names = ["family"]
    timeout = 120

    def setup(self, family):
        device("cpu")
        self.lines = {line["case"]: [] for line in CASES if line["family"] == family}
        for line in tables.read(f"{tables.slug(family)}.csv"):
            if line["quantity"] in ("p_laplacian", "laplacian"):
                self.lines[line["case"]].append(line)

    def track_relative_error(self, family):
        worst = 0.0
        for name, lines in self.lines.items():
            case = families.build(name)
            q, x = own(case), torch.from_numpy(case.point)[None]
            for line in lines:
                expected = Fraction(line["value"])
                got = q.laplacian(x) if line["quantity"] == "laplacian" else q.p_laplacian(
                    x, float(line["p"]), eps=float(line["eps"])
                )  # fmt: skip
                if expected and math.isfinite(got):
                    error = abs(Fraction(float(got)) - expected) / abs(expected)
                    worst = max(worst, float(error / max(1, Fraction(line["condition"])) * 10**12))
                elif float(got) != float(expected):
                    return math.inf
        return worst

    track_relative_error.unit = "of the promise"
    track_relative_error.slack = 0.1  # a tenth of the promise more or less is rounding


class SinglePrecision:
    """Largest relative error of float32 against float64 on the same numbers, over 256 points."""

    params = [KINDS, [2, 64, 512]]
    param_names = ["kind", "D"]

    def setup(self, kind, d):
        device("cpu")
        q, x = mixture(kind, d, 8, 256)
        self.q, self.single, self.x = q, q.to(torch.float32), x.float()

    def track_relative_error(self, kind, d):
        expected = self.q.p_laplacian(self.x.double(), 2.0)
        return float((self.single.p_laplacian(self.x, 2.0).double() / expected - 1).abs().max())

    track_relative_error.unit = "relative"
    track_relative_error.slack = 1e-6
