"""Mixtures whose values are computed by compiled code."""

from __future__ import annotations

import warnings
from types import FunctionType
from typing import Any

import torch

from plaplace.mixture import fast
from plaplace.mixture.covariances import LowRank
from plaplace.mixture.evaluator import Evaluator
from plaplace.mixture.fast import Wants
from plaplace.mixture.fast.fused import MOST_COMPONENTS, MOST_DIMENSIONS, FastFused, Kernel
from plaplace.mixture.gaussian_mixture import GaussianMixture

__all__ = ["compiled"]

_REHEARSAL = 64  # points on which a kernel is tried
_ONE_PASS: dict[str, Any] = {"max_fusion_size": 4096}  # operations of one loop: more than any kernel has
_KERNELS: dict[tuple[object, ...], Kernel] = {}


def compiled(mixture: GaussianMixture) -> GaussianMixture:
    """The same mixture, its values by code that `torch.compile` makes: several times as fast in 2 to 4 dimensions.

    Accuracy is that of the mixture itself. The first call of each method takes seconds, once in a process for all
    mixtures of one dimension, kind and data type (and number of components, where they are few). Where there is no C++
    compiler it warns, and goes on as an ordinary mixture. Not compiled are what is derived from it (`noised`, `to`,
    `mix`), calls on a few points, and calls whose derivatives torch follows.

    Raises:
        ValueError: one dimension or more than 4, too many components, low rank, or a device that is not a CPU.

    >>> q = GaussianMixture(torch.tensor([0.5, 0.5]), torch.tensor([[-1.0, 0.0], [1.0, 0.0]]), torch.ones(2))
    >>> compiled(q).laplacian(torch.zeros(1, 2))
    tensor([-1.])
    """
    d, k = mixture.dimension, mixture.num_components
    if not 2 <= d <= MOST_DIMENSIONS or k > MOST_COMPONENTS:
        raise ValueError(
            f"a mixture with D = {d} and K = {k} was given; accepted are D from 2 to {MOST_DIMENSIONS} and K up to "
            f"{MOST_COMPONENTS}"
        )
    if isinstance(mixture._structure, LowRank):
        raise ValueError("a low-rank mixture was given; accepted are spherical, diagonal and full covariances")
    if mixture.device.type != "cpu":
        raise ValueError(f"a mixture on {mixture.device} was given; accepted are mixtures on the CPU")
    result = mixture.to()
    result._evaluator = _Compiled(result._weights64.log(), result._means64, result._structure)
    return result


class _Compiled(Evaluator):
    """An evaluator that prefers the fused form."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._fused: FastFused | None = None
        self._able: dict[Wants, bool] = {}

    def __getstate__(self) -> dict[str, Any]:
        # kernels are of one process: another makes its own
        return {**self.__dict__, "_fused": None, "_able": {}}

    def _form(self, wants: Wants) -> fast.Form | None:
        if self._fused is None:
            log_weights, means = self._log_weights64.detach(), self._means64.detach()
            self._fused = FastFused(log_weights, means, self._covariances, _compile)  # type: ignore[arg-type]
        if wants not in self._able:
            self._able[wants] = _works(self._fused, wants, self._means.detach())
        return self._fused if self._able[wants] else super()._form(wants)


def _works(form: FastFused, wants: Wants, means: torch.Tensor) -> bool:
    """Whether it can be compiled for what is wanted; says so where it cannot."""
    try:
        form.evaluate(means[:1].expand(_REHEARSAL, -1), wants)
    except Exception as error:  # whatever a missing or a broken compiler raises
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        warnings.warn(f"torch.compile failed, the mixture goes on without it. {reason}", RuntimeWarning, stacklevel=2)
        return False
    return True


def _compile(kernel: Kernel, key: tuple[object, ...]) -> Kernel:
    if key not in _KERNELS:
        # a code object of its own: torch counts the variants of one, and refuses the ninth
        own: Any = kernel
        name = "_".join(map(str, ("fused", *key)))
        function = FunctionType(own.__code__.replace(co_name=name), own.__globals__, name, None, own.__closure__)
        _KERNELS[key] = torch.compile(function, fullgraph=True, dynamic=True, options=_ONE_PASS)
    return _KERNELS[key]
