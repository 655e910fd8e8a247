"""Arrays of other libraries: there and back, exact scores, random sources, and whose arrays a function takes."""

import functools
import math
import random
import sys

import numpy as np
import pytest
import torch

from plaplace import GaussianMixture, LowRank
from plaplace.verify import certified
from plaplace.verify.arrays import NAMES, Backend, guess


def backend(name):
    if name == "jax":
        pytest.importorskip("jax")
    return Backend(name)


def mixture(kind):
    """The ordinary certified case of that kind, D = 3."""
    (case,) = [each for each in certified.points(["ordinary"]) if each.kind == kind and each.dimension == 3]
    return case.mixture(), torch.stack([case.point, case.point + 0.5])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_there_and_back(name, dtype):
    x = torch.randn(3, 2, generator=torch.Generator().manual_seed(0)).to(dtype)
    there = backend(name).to(x)
    assert type(there).__module__.split(".")[0] in {"jax": ("jax", "jaxlib")}.get(name, (name,))
    back = backend(name).back(there)
    assert back.dtype == dtype and torch.equal(back, x)


def test_numpy_memory_is_its_own():
    x = torch.zeros(2)
    Backend("numpy").to(x)[0] = 1.0
    Backend("torch").to(x)[0] = 1.0
    assert torch.equal(x, torch.zeros(2))


def test_numbers_and_lists_come_back_and_other_things_do_not():
    assert torch.equal(Backend("numpy").back([1.0, 2.0]), torch.tensor([1.0, 2.0]).double())
    assert Backend("torch").back(np.float32(2)).dtype == torch.float32
    with pytest.raises(TypeError, match="NoneType was returned; accepted are arrays of real numbers"):
        Backend("torch").back(None)
    with pytest.raises(TypeError, match="complex"):
        Backend("torch").back(torch.zeros(2, dtype=torch.complex64))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["spherical", "diagonal", "full", "low_rank"])
def test_exact_scores(name, kind):
    q, x = mixture(kind)
    b = backend(name)
    score = b.score(q)
    assert b.back(score(b.to(x))).numpy() == pytest.approx(q.score(x).numpy(), rel=1e-13)
    assert b.back(score(b.to(x.float()))).dtype == torch.float32
    shaped = b.score(q, (1, 3))(b.to(x[:, None]))
    assert b.back(shaped).numpy() == pytest.approx(q.score(x)[:, None].numpy(), rel=1e-13)


@pytest.mark.parametrize("kind", ["spherical", "diagonal", "full", "low_rank"])
def test_scores_of_jax_can_be_differentiated_under_jit(kind):
    jax = pytest.importorskip("jax")
    q, x = mixture(kind)
    b = Backend("jax")
    score = b.score(q)
    for derivative in (jax.jacfwd, jax.jacrev):
        jacobian = jax.jit(jax.vmap(derivative(lambda point: score(point[None])[0])))
        assert b.back(jacobian(b.to(x))).numpy() == pytest.approx(q.hessian(x).numpy(), rel=1e-12, abs=1e-12)
    _, product = jax.jvp(score, (b.to(x),), (b.to(torch.ones_like(x)),))
    assert b.back(product).numpy() == pytest.approx(q.hessian(x).sum(2).numpy(), rel=1e-12, abs=1e-12)


def test_the_hessian_of_jax_keeps_its_digits_in_a_far_tail():
    jax = pytest.importorskip("jax")
    (case,) = [each for each in certified.points(["coincident"]) if each.name == "coincident spherical D=3 far"]
    score = Backend("jax").score(case.mixture())
    jacobian = jax.jacfwd(lambda point: score(point[None])[0])(Backend("jax").to(case.point))
    (row,) = case.select("laplacian")
    assert row.excess(float(jacobian.trace())) <= 1  # |s|^2 = 1e12 beside tr H = -3


def test_scores_of_torch_can_be_differentiated():
    q, x = mixture("full")
    jacobian = torch.func.vmap(torch.func.jacrev(lambda point: Backend("torch").score(q)(point[None])[0]))(x)
    assert jacobian.numpy() == pytest.approx(q.hessian(x).numpy(), rel=1e-11, abs=1e-11)


@pytest.mark.parametrize("name", NAMES)
def test_any_function_of_tensors_as_a_native_one(name):
    b, x = backend(name), torch.tensor([[3.0, 4.0]]).double()
    assert torch.equal(b.back(b.native(lambda z: z.square())(b.to(x))), x.square())


def test_random_sources_by_name_and_annotation():
    torch_ = Backend("torch")
    assert isinstance(torch_.random("generator", 1), torch.Generator)
    assert torch_.random("seed", 7) == 7 and torch_.random("random_state", 7) == 7
    assert torch_.random("rng", 7, "int | None") == 7 and torch_.random("rng", 7, int) == 7
    assert isinstance(torch_.random("rng", 1, "np.random.Generator"), np.random.Generator)
    assert isinstance(torch_.random("rng", 1, np.random.Generator), np.random.Generator)
    assert isinstance(torch_.random("seed", 1, torch.Generator), torch.Generator)
    numpy_ = Backend("numpy")
    assert isinstance(numpy_.random("rng", 1), np.random.Generator)
    assert isinstance(numpy_.random("rng", 1, "numpy.random.RandomState"), np.random.RandomState)
    draws = [numpy_.random("generator", seed).random() for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


def test_keys_of_jax():
    jax = pytest.importorskip("jax")
    b = Backend("jax")
    one, again, other = (float(jax.random.normal(b.random(name, seed))) for name, seed in
                         (("key", 1), ("rng", 1), ("key", 2)))  # fmt: skip
    assert one == again != other
    assert b.random("seed", 5) == 5


def test_global_sources_are_seeded():
    def draws():
        Backend("torch").seed(3)
        return float(torch.rand(())), float(np.random.rand()), random.random()  # noqa: NPY002

    assert draws() == draws()


# -- whose arrays ------------------------------------------------------------------------------------------------------


def of_torch(score, x, p):
    return torch.zeros(len(x))


def of_numpy(score, x, p):
    return np.zeros(len(x))


def helper(x):
    return torch.as_tensor(x)


def through_a_helper(score, x, p):
    return helper(x).numpy()


def through_a_closure(library):
    def inner(score, x, p):
        return library.zeros(len(x))

    return inner


class OfNumpy:
    def __init__(self, weights, means, covariances):
        self.means = np.asarray(means)

    def p_laplacian(self, x, p):
        return self.means[0] * 0


def test_whose_arrays_a_function_takes():
    assert guess(of_torch).name == "torch"
    assert guess(of_numpy).name == "numpy"
    assert guess(through_a_helper).name == "torch"
    assert guess(through_a_closure(np)).name == "numpy"
    assert guess(functools.partial(of_numpy, p=2)).name == "numpy"
    assert guess(OfNumpy).name == "numpy"
    assert guess(OfNumpy([1.0], [[0.0]], [1.0]).p_laplacian).name == "numpy"
    assert guess(torch.nn.Linear(2, 2)).name == "torch"
    assert guess(GaussianMixture).name == "torch"
    assert guess(math.hypot).name == "torch"  # nothing is said


def test_functions_of_jax_are_known():
    jax = pytest.importorskip("jax")
    assert guess(through_a_closure(jax.numpy)).name == "jax"
    assert guess(jax.jit(lambda score, x: x)).name == "jax"


def test_refusals(monkeypatch):
    with pytest.raises(ValueError, match="backend = 'cupy' was given; accepted are 'torch', 'numpy', 'jax'"):
        Backend("cupy")
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(ImportError, match="pip install jax"):
        Backend("jax")


def test_low_rank_is_told_from_its_dense_form():
    # the closed form of JAX takes precisions from the structure: both forms of one covariance give one score
    pytest.importorskip("jax")
    g = torch.Generator().manual_seed(0)
    covariances = LowRank(torch.tensor([0.5, 0.8]).double(), torch.randn(2, 4, 2, generator=g).double())
    weights, means = torch.tensor([0.3, 0.7]).double(), torch.randn(2, 4, generator=g).double()
    x = torch.randn(5, 4, generator=g).double()
    scores = [
        Backend("jax").score(GaussianMixture(weights, means, each))(Backend("jax").to(x))
        for each in (covariances, covariances.dense())
    ]
    assert np.asarray(scores[0]) == pytest.approx(np.asarray(scores[1]), rel=1e-12)
