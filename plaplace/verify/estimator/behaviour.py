"""How an estimator behaves besides its values: seeds, rows, cost, precision, what it does with bad input."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from plaplace.verify.estimator.scenes import Scene, scenes
from plaplace.verify.estimator.trial import Trial, describe
from plaplace.verify.finding import Finding, Judgement

__all__ = ["judge_behaviour", "judge_rows", "judge_seeds"]

_SAME = 1e-9  # relative to the terms: what summing in another order may change, in float64
_LINES = 4
_SIZES, _LIMIT = 20, 9.0  # seeds; standard errors: a Student variable with 19 degrees of freedom is beyond with 3e-8
_HALF, _SINGLE = 3e-6, 5e-10  # rounding noise relative to the value beyond which it is that of float16, of float32


def judge_behaviour(trial: Trial, repeats: bool, right: bool) -> Iterator[Finding]:
    """One finding a clause; those that compare calls of one seed only where a seed repeats, other batches only where
    the values of the scene are right."""
    clauses: dict[str, Callable[[Trial, Scene], tuple[Judgement, str]]] = {
        "cost": _cost,
        "dtype": _dtype,
        "input": _input,
        "p < 1": _refuses,
    }
    if repeats:
        clauses |= {
            "precision": _precision,
            "several p": _several,
            "real p": _real,
            "not finite": _nonfinite,
        }
    if right:
        clauses["sizes"] = _sizes
    for clause, judge in clauses.items():
        yield _tried(trial, clause, judge)


def judge_seeds(trial: Trial) -> Finding:
    """Whether a seed repeats, and others give other values."""
    return _tried(trial, "seeds", _seeds)


def judge_rows(trial: Trial, repeats: bool) -> Finding:
    """Whether a value depends on its own point alone, which calls of one seed tell."""
    if not repeats:
        return Finding("rows", scenes()[0].name, "note", "cannot be told: no seed repeats")
    return _tried(trial, "rows", _rows)


def _tried(trial: Trial, clause: str, judge: Callable[[Trial, Scene], tuple[Judgement, str]]) -> Finding:
    scene = scenes()[0]
    try:
        return Finding(clause, scene.name, *judge(trial, scene))
    except Exception as raised:  # whatever somebody else's function raises is a finding
        return Finding(clause, scene.name, "fails", f"it raised {describe(raised)}")


def _ask(trial: Trial, scene: Scene, x: Tensor | None = None, seed: int = 0, score: object = None) -> Tensor:
    """Values (B, P) at the scene's points or at x, at its largest length."""
    asked = scene.x if x is None else x
    native = trial.score(scene) if score is None else score
    return trial.bound(native, asked, trial.exponents, trial.lengths(scene)[-1], seed).value  # type: ignore[arg-type]


def _seeds(trial: Trial, scene: Scene) -> tuple[Judgement, str]:
    first, again, *others = (_ask(trial, scene, seed=seed) for seed in (1, 1, 2, 3, 4))
    if not torch.equal(first.nan_to_num(7.0), again.nan_to_num(7.0)):
        way = f"the parameter {trial.bound.names['random']!r}" if "random" in trial.bound.names else "the global seeds"
        return "fails", f"the same seed, given by {way}, gives other values: no result can be repeated"
    if all(torch.equal(first.nan_to_num(7.0), other.nan_to_num(7.0)) for other in others):
        if "random" in trial.bound.names:
            return "note", "every seed gives the same values"
        return "holds", "deterministic"
    return "holds", "the same seed gives the same values, others give others"


def _rows(trial: Trial, scene: Scene) -> tuple[Judgement, str]:
    """The other rows of a batch are moved: the value of a row must stay what it was, under the same seed."""
    whole, size = _ask(trial, scene), scene.size(trial.exponents)
    truth, least = trial.truth(scene, trial.lengths(scene)[-1]), _SAME * float(size.max())
    if float((truth - truth[:1]).abs().max()) > least >= float((whole - whole[:1]).abs().max()):
        return "fails", "every point of the batch gets the same value: a mean runs over the batch"
    for kept in (0, len(scene.points) - 1):
        moved = scene.points + 0.3 * scene.width
        moved[kept] = scene.points[kept]
        value = _ask(trial, scene, moved.reshape(scene.x.shape))
        off = float(((value[kept] - whole[kept]).abs() / size[kept]).max())
        if not off <= _SAME:
            return "fails", (
                f"the value of point {kept} changes by {off:.1e} of its terms when other points of the batch move: "
                "axes of points and directions are swapped, or a mean runs over the batch"
            )
    return "holds", "a row does not depend on the rows beside it"


def _sizes(trial: Trial, scene: Scene) -> tuple[Judgement, str]:
    """The scene's points many times over, and one alone: means over rows and seeds are those of the scene."""
    length, copies = trial.lengths(scene)[-1], 8
    truth, size = trial.truth(scene, length), scene.size(trial.exponents)
    many = scene.x.repeat(copies, *(1,) * (scene.x.ndim - 1))
    rows = len(scene.points)
    for asked, name in ((many, f"B = {len(many)}"), (scene.x[:1], "B = 1")):
        values = torch.stack([_ask(trial, scene, asked, seed) for seed in range(_SIZES)])
        pick = torch.arange(len(asked)) % rows
        error = values.std(0) / math.sqrt(_SIZES)
        off = (values.mean(0) - truth[pick]).abs()
        bad = truth[pick].isfinite() & ~(off <= _LIMIT * error + trial.bias * size[pick])
        if bool(bad.any()):
            row, j = (int(i) for i in bad.nonzero()[0])
            return "fails", (
                f"in a batch of {name}, point {row} has {values.mean(0)[row, j]:.6g} for p = {trial.exponents[j]:g}; "
                f"exact is {truth[pick][row, j]:.6g}, as it gives in a batch of {rows}"
            )
    return "holds", f"right in batches of {rows}, {len(many)} and 1"


def _precision(trial: Trial, scene: Scene) -> tuple[Judgement, str]:
    """Sixth differences along lines: a smooth function leaves next to nothing of them, so that the rest is rounding.

    Steps are large enough for roundings in half precision to be independent, and so small that the sixth derivative
    of a scene of this width is out of sight: `(3e-3)^6 6! = 5e-13`.
    """
    g = torch.Generator().manual_seed(5)
    weights = [(-1) ** k * math.comb(6, k) for k in range(7)]
    length = math.sqrt(sum(each**2 for each in weights))
    size, noise = _ask(trial, scene).square().mean(0).sqrt(), []  # of the values: they may lack a factor
    for _ in range(_LINES):
        step = torch.randn(scene.points.shape, generator=g, dtype=torch.float64)
        step = 3e-3 * scene.width * step / torch.linalg.vector_norm(step, dim=1, keepdim=True)
        values = [_ask(trial, scene, scene.x + k * step.reshape(scene.x.shape)) for k in range(-3, 4)]
        noise.append(sum(w * value for w, value in zip(weights, values, strict=True)) / (length * size))
    level = float(torch.stack(noise).square().mean().sqrt())
    if not math.isfinite(level):
        return "note", "cannot be told: values are not finite"
    if level > _HALF:
        return "fails", (
            f"rounding noise is {level:.1e} of the values: half precision (float16, bfloat16) somewhere inside, or "
            "differences in single precision"
        )
    if level > _SINGLE:
        return (
            "note",
            f"rounding noise is {level:.1e} of the values: float32 somewhere inside, for float64 points",
        )
    return "holds", f"rounding noise is {level:.1e} of the values"


def _cost(trial: Trial, scene: Scene) -> tuple[Judgement, str]:
    witness = trial.witness(scene)
    answer = trial.bound(witness, scene.x, trial.exponents, trial.lengths(scene)[-1], 0)
    seen, rows = witness.evaluations, len(scene.points)
    if seen is None:
        return "note", "its score calls run inside a transformation (torch.func, jax.jit) and cannot be counted"
    words = f"{seen / rows:g} score evaluations a point (a product counts 2), {len(witness.calls)} calls"
    if answer.stated_cost is not None and abs(answer.stated_cost - seen / rows) > 1e-9 * seen:
        return "fails", f"it says {answer.stated_cost:g} evaluations a point; seen were {words}"
    return "note" if answer.stated_cost is None else "holds", words + (
        "" if answer.stated_cost is None else ", as stated"
    )


def _dtype(trial: Trial, scene: Scene) -> tuple[Judgement, str]:
    length = trial.lengths(scene)[-1]
    kinds = {}
    for dtype in (torch.float64, torch.float32):
        kinds[dtype] = trial.bound(trial.score(scene), scene.x.to(dtype), trial.exponents, length, 0).dtype
    if kinds[torch.float64] != torch.float64:
        return "fails", f"float64 points give {_name(kinds[torch.float64])} values"
    if kinds[torch.float32] not in (torch.float32, torch.float64):
        return "fails", f"float32 points give {_name(kinds[torch.float32])} values"
    return "holds", f"float64 gives float64, float32 gives {_name(kinds[torch.float32])}"


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _several(trial: Trial, scene: Scene) -> tuple[Judgement, str]:
    if not trial.bound.many:
        return "note", "it takes one p at a time: several cost as many passes over the network"
    whole, size = _ask(trial, scene), scene.size(trial.exponents)
    length = trial.lengths(scene)[-1]
    for i, p in enumerate(trial.exponents):
        alone = trial.bound(trial.score(scene), scene.x, [p], length, 0).value[:, 0]
        off = float(((alone - whole[:, i]).abs() / size[:, i]).max())
        if not off <= _SAME:
            return "fails", f"p = {p:g} alone and among others differ by {off:.1e} of the terms, from the same seed"
    return "holds", "one p and many give the same"


def _real(trial: Trial, scene: Scene) -> tuple[Judgement, str]:
    """p = 1.5 is neither 1 nor 2."""
    length = trial.lengths(scene)[-1]
    try:
        low, middle, high = (trial.bound(trial.score(scene), scene.x, [p], length, 0).value for p in (1.0, 1.5, 2.0))
    except Exception as raised:  # integers are all that some want
        return "note", f"p = 1.5 is not taken: {describe(raised)}"
    for p, value in ((1, low), (2, high)):
        if torch.equal(middle, value):
            return "fails", f"p = 1.5 returns the value of p = {p}: p is rounded to an integer"
    return "holds", "p = 1.5 has a value of its own"


def _input(trial: Trial, scene: Scene) -> tuple[Judgement, str]:
    native = trial.backend.to(scene.x)
    trial.bound.ask(trial.score(scene), native, trial.exponents[0], trial.lengths(scene)[-1], 0)
    if not torch.equal(trial.backend.back(native).double(), scene.x):
        return "fails", "it changes the points that it is given"
    return "holds", "the points stay what they were"


def _nonfinite(trial: Trial, scene: Scene) -> tuple[Judgement, str]:
    """A point whose scores are NaN, in the middle of the batch."""
    far = 1e3
    points = scene.points.clone()
    points[1] = 10 * far

    def score(x: Tensor) -> Tensor:
        bad = (x.reshape(len(x), -1).abs().amax(1) > far).reshape(-1, *(1,) * (x.ndim - 1))
        return scene.score(x) * torch.where(bad, math.nan, 1.0).to(x)

    if trial.backend.name == "jax":
        return "note", "not tried on JAX arrays"
    native = trial.backend.native(score)
    value = _ask(trial, scene, points.reshape(scene.x.shape), score=native)
    clean = _ask(trial, scene)
    others = [i for i in range(len(points)) if i != 1]
    if bool(value[1].isfinite().any()):
        return "fails", f"a point whose scores are NaN has the value {value[1].tolist()}"
    if not torch.allclose(value[others], clean[others], rtol=1e-6, atol=0.0):
        return "fails", "a point whose scores are NaN spoils the others"
    return "holds", "a NaN stays in its row"


def _refuses(trial: Trial, scene: Scene) -> tuple[Judgement, str]:
    try:
        trial.bound(trial.score(scene), scene.x, [0.5], trial.lengths(scene)[-1], 0)
    except (ValueError, TypeError, AssertionError) as refused:
        return "holds", f"p = 0.5 is refused: {' '.join(str(refused).split())[:80]}"
    return "note", "p = 0.5 is accepted, where the operator is not elliptic and nothing is promised"
