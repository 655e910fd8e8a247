"""Estimators: time on a small MLP, cost beside the score calls they count, spread at a fixed number of calls."""

import torch

from plaplace import estimators

from .common import DEVICES, Timed, device, mlp, ratio, unet, wait

FIVE = [1.0, 1.5, 2.0, 3.0, 4.0]

# 32 score calls or products a point where the number is free
METHODS = {
    f"sphere_flux {kind}": ("sphere_flux", {"radius": 0.1, "num_directions": 32, "directions": kind})
    for kind in ("iid", "antithetic", "frame", "orthonormal", "sobol")
}
METHODS |= {
    f"hutchinson {method}": ("hutchinson", {"num_probes": 32, "method": method})
    for method in ("tangent", "plain", "hutch++", "xtrace")
}
METHODS |= {
    "hutchinson forward": ("hutchinson", {"num_probes": 32, "mode": "forward"}),
    "hutchinson rademacher": ("hutchinson", {"num_probes": 32, "distribution": "rademacher"}),
    "autodiff reverse": ("autodiff", {}),
    "autodiff forward": ("autodiff", {"mode": "forward"}),
    "finite_difference": ("finite_difference", {}),
    "ball_volume": ("ball_volume", {"radius": 0.1, "num_points": 2, "num_axes": 8}),
}
NETWORKS = {"mlp": mlp, "unet": lambda: unet(batch=2)}
RANDOM = [name for name, (function, _) in METHODS.items() if function not in ("autodiff", "finite_difference")]
RANDOM.remove("hutchinson forward")  # the same numbers as in reverse


def estimate(method, score, x, p=1.0, seed=0):
    function, options = METHODS[method]
    if function in ("sphere_flux", "hutchinson", "ball_volume"):
        options = options | {"generator": torch.Generator().manual_seed(seed)}
    return getattr(estimators, function)(score, x, p, **options)


class Estimators(Timed):
    """An MLP 64-256-256-256-64 in float32 at 256 points."""

    params = [list(METHODS), DEVICES]
    param_names = ["method", "device"]

    def prepare(self, method, name):
        self.score, self.x = mlp(device(name))

    def time_one_exponent(self, method, name):
        wait(estimate(method, self.score, self.x).value)

    def time_five_exponents(self, method, name):
        wait(estimate(method, self.score, self.x, FIVE).value)


class Overhead:
    """Processor time over that of the score calls counted: 256 points of the MLP, 2 images of the U-Net."""

    params = [list(NETWORKS), ["sphere_flux frame", "sphere_flux orthonormal", "hutchinson tangent", "ball_volume"]]
    param_names = ["network", "method"]
    timeout = 120

    def setup(self, network, method):
        device("cpu")
        self.score, self.x = NETWORKS[network]()

    def track_multiple_of_its_score_calls(self, network, method):
        def work():
            return estimate(method, self.score, self.x)

        count = work().num_evaluations

        def calls():
            with torch.no_grad():
                for _ in range(count):
                    self.score(self.x)

        return ratio(work, calls, repeats=3 if network == "unet" else 9)

    track_multiple_of_its_score_calls.unit = "times"
    track_multiple_of_its_score_calls.noisy = True


class Spread:
    """Relative standard deviation over 50 seeds at 32 calls or products; exact score of a mixture in D = 64."""

    params = [RANDOM, [1.0, 2.0]]
    param_names = ["method", "p"]
    timeout = 120

    def setup(self, method, p):
        device("cpu")
        torch.manual_seed(0)
        self.means, self.variances = torch.randn(2, 8, 64, dtype=torch.float64)
        self.means, self.variances = self.means / 8, 0.5 + self.variances.sigmoid()
        self.x = self.means + torch.randn(8, 64, dtype=torch.float64)

    def score(self, x):
        """Of eight equal diagonal components, written so that torch can differentiate it."""
        pulls = (self.means - x[:, None]) / self.variances
        logs = -0.5 * (self.variances.log() + self.variances * pulls.square()).sum(-1)
        return torch.einsum("nk,nkd->nd", logs.softmax(1), pulls)

    def track_standard_deviation(self, method, p):
        found = torch.stack([estimate(method, self.score, self.x, p, seed).value for seed in range(50)])
        return float((found.std(0) / found.mean(0).abs()).mean())

    track_standard_deviation.unit = "relative"
