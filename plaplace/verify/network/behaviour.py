"""What a score network does besides being right: dtypes, the same answer twice, rows that do not mix."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plaplace.models import Level
from plaplace.verify.finding import Finding
from plaplace.verify.network.call import Network
from plaplace.verify.network.score import name

__all__ = ["determinism", "dtype", "rows"]

_SAME = 1e-3  # relative: what another order of sums may change in float32, which may be inside whatever comes out


def dtype(network: Network, x: Tensor, level: Level) -> Iterator[Finding]:
    """The dtype of the output is that of x."""
    given = network.backend.to(x.reshape(-1, *network.shape).to(network.dtype))
    with torch.no_grad():
        got = network.backend.back(network.native(given, level)).dtype
    said, came = (str(each).removeprefix("torch.") for each in (network.dtype, got))
    form = "a Level" if network.told == "level" else f"{network.told} as {network.form}"
    if got == network.dtype:
        yield Finding("shape", name(level), "holds", f"shaped like x, {came} for {said}; takes {form}")
    else:
        yield Finding("dtype", name(level), "fails", f"{came} comes back for {said}: digits or memory are lost")


def determinism(network: Network, x: Tensor, level: Level) -> Iterator[Finding]:
    """Twice the same points give twice the same score."""
    one, two = network.score(x, level), network.score(x, level)
    off = _apart(one, two)
    if off <= _SAME:
        words = "to the bit" if torch.equal(one, two) else f"to {off:.1e}"
        yield Finding("determinism", name(level), "holds", f"the same points have the same score {words}")
    else:
        words = f"two calls with the same points differ by {off:.1%}"
        yield Finding("determinism", name(level), "fails", f"{words}: dropout is on (network.eval()), or noise inside")


def rows(network: Network, x: Tensor, level: Level) -> Iterator[Finding]:
    """A row has the same score alone and in a batch."""
    try:
        alone = torch.cat([network.score(row[None], level) for row in x])
    except Exception as error:  # whatever a stranger's function raises is a finding
        yield Finding("rows", name(level), "fails", f"a batch of one point raised {type(error).__name__}: {error}")
        return
    off = _apart(network.score(x, level), alone)
    if off <= _SAME:
        yield Finding("rows", name(level), "holds", f"the same scores alone and in a batch, to {off:.1e}")
    else:
        words = f"scores in a batch and alone differ by {off:.1%}"
        yield Finding("rows", name(level), "fails", f"{words}: rows are mixed (batch normalisation in training mode?)")


def _apart(one: Tensor, two: Tensor) -> float:
    return float(((one - two).square().sum() / two.square().sum()).sqrt().nan_to_num(torch.inf))
