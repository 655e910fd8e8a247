"""Compiled mixtures: the values of ordinary ones, whatever the compiler does."""

import pickle
import shutil
import warnings

import pytest
import torch

from plaplace import GaussianMixture, LowRank
from plaplace.mixture import compiling, evaluator
from plaplace.mixture.compiling import compiled
from reference import families
from tests.test_reference import CASES, VALUES, complaints, received, row_of
from tests.test_reference import mixture as of_case

DOUBLE = torch.float64
needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("g++", "clang++"))), reason="torch.compile needs a C++ compiler"
)


def mixture(kind, k, d):
    g = torch.Generator().manual_seed(k)
    factors = torch.randn(k, d, d, dtype=DOUBLE, generator=g)
    covariances = factors @ factors.mT + torch.eye(d, dtype=DOUBLE) / 4
    if kind != "full":
        covariances = covariances.diagonal(dim1=1, dim2=2) if kind == "diagonal" else covariances[:, 0, 0]
    weights = torch.full((k,), 1 / k, dtype=DOUBLE)
    return GaussianMixture(weights, 2 * torch.randn(k, d, dtype=DOUBLE, generator=g), covariances)


@needs_compiler
@pytest.mark.parametrize(("kind", "k"), [("full", 2), ("spherical", 60)])
def test_values_are_those_of_the_mixture(kind, k):
    q = mixture(kind, k, 2)
    fast = compiled(q)
    far = torch.tensor([[1e200, 0.0], [float("nan"), 0.0]], dtype=DOUBLE)
    x = torch.cat([far, q.means, q.sample(3000, torch.Generator().manual_seed(0))])
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # that it fell back
        got = fast.curvatures(x)
        fewer = fast.curvatures(x[:1501])  # a block of another size
    want = q._evaluator._carefully(x, "curvatures")
    for name, column, start in zip(got._fields, got, fewer, strict=True):
        close = {"rtol": 1e-9, "atol": 1e-11, "equal_nan": True}
        torch.testing.assert_close(column, getattr(want, name), **close)
        torch.testing.assert_close(start, column[:1501], **close)


@needs_compiler
def test_float32_is_compiled_too():
    q = mixture("full", 2, 2).to(torch.float32)
    x = q.sample(3000, torch.Generator().manual_seed(0))
    torch.testing.assert_close(compiled(q).log_prob(x), q.to(DOUBLE).log_prob(x), rtol=1e-5, atol=1e-5)


@needs_compiler
def test_kernels_are_shared_by_mixtures_and_derivatives_go_round_them():
    q, other = mixture("full", 2, 2), mixture("full", 2, 2).noised(0.5, 1.0)
    x = q.sample(3000, torch.Generator().manual_seed(0))
    compiled(q).curvatures(x)
    number = len(compiling._KERNELS)
    torch.testing.assert_close(compiled(other).curvatures(x).normal, other.curvatures(x).normal)
    assert len(compiling._KERNELS) == number
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(compiled(q).log_prob(x).sum(), x)
    torch.testing.assert_close(gradient, q.score(x.detach()))


def test_without_a_compiler_the_mixture_goes_on_and_says_so_once(monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("no compiler was found")

    monkeypatch.setattr(torch, "compile", fails)
    monkeypatch.setattr(compiling, "_KERNELS", {})
    q = mixture("diagonal", 4, 3)
    fast, x = compiled(q), q.sample(3000, torch.Generator().manual_seed(0))
    with pytest.warns(RuntimeWarning, match="goes on without it. RuntimeError: no compiler was found"):
        got = fast.laplacian(x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = fast.laplacian(x)
    assert torch.equal(got, q.laplacian(x))
    assert torch.equal(again, got)


@pytest.mark.parametrize(
    ("q", "words"),
    [
        (
            mixture("spherical", 2, 1),
            "a mixture with D = 1 and K = 2 was given; accepted are D from 2 to 4 and K up to 64",
        ),
        (mixture("spherical", 2, 5), "D = 5 and K = 2 was given"),
        (mixture("spherical", 65, 2), "D = 2 and K = 65 was given"),
        (GaussianMixture(torch.ones(1), torch.zeros(1, 3), LowRank(torch.ones(1), torch.ones(1, 3, 1))), "low-rank"),
    ],
)
def test_what_has_no_compiled_form_is_refused(q, words):
    with pytest.raises(ValueError, match=words):
        compiled(q)


def test_scores_whose_square_underflows_are_left_to_the_difference_form(monkeypatch):
    monkeypatch.setattr(compiling, "_compile", lambda kernel, key: kernel)
    monkeypatch.setattr(evaluator, "_FEW_NUMBERS", 0)
    q = GaussianMixture(torch.ones(1, dtype=DOUBLE), torch.zeros(1, 2, dtype=DOUBLE), torch.ones(1, dtype=DOUBLE))
    norm = compiled(q).curvatures(torch.tensor([[3e-160, 4e-160]], dtype=DOUBLE)).norm
    torch.testing.assert_close(norm, torch.tensor([5e-160], dtype=DOUBLE), rtol=1e-15, atol=0)


def compilable(line):
    return 2 <= int(line["D"]) <= 4 and int(line["K"]) <= 64 and line["kind"] != "low_rank"


@pytest.mark.parametrize("name", [name for name, line in CASES.items() if compilable(line)])
def test_certified_values_before_compiling(name, monkeypatch):
    """What is compiled keeps the promise on every certified case; the compiler is left out, for its time."""
    monkeypatch.setattr(compiling, "_compile", lambda kernel, key: kernel)
    monkeypatch.setattr(evaluator, "_FEW_NUMBERS", 0)
    case, lines = families.build(name), VALUES[name]
    problems = complaints(lines, received(compiled(of_case(case)), case, [row_of(line) for line in lines]))
    assert not problems, "\n".join(problems)


@needs_compiler
def test_a_compiled_mixture_travels_to_another_process():
    q = compiled(mixture("full", 2, 2))
    x = q.sample(3000, torch.Generator().manual_seed(0))
    want = q.log_prob(x)
    torch.testing.assert_close(pickle.loads(pickle.dumps(q)).log_prob(x), want, rtol=0, atol=0)
