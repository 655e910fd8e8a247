"""p-Laplace operators of score functions: exact for Gaussian mixtures, estimated for diffusion models.

>>> import torch
>>> from plaplace import GaussianMixture
>>> q = GaussianMixture(torch.ones(1), torch.zeros(1, 2), torch.ones(1))
>>> q.p_laplacian(torch.tensor([[2.0, 0.0]]), p=1.0)      # -(D-1)/r for one isotropic Gaussian
tensor([-0.5000])
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plaplace import estimators, noise
    from plaplace.estimate import Estimate
    from plaplace.mixture import GaussianMixture, LowRank

__all__ = ["Estimate", "GaussianMixture", "LowRank", "estimators", "noise"]
__version__ = "0.1.0"

_MODULES = {"Estimate": "plaplace.estimate", "GaussianMixture": "plaplace.mixture", "LowRank": "plaplace.mixture"}


# torch takes a second or more to import, and `plaplace --help` does not need it: names are looked up when asked for
def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    if name in __all__:
        return import_module(f"plaplace.{name}")
    raise AttributeError(f"module 'plaplace' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
