"""The rivals of the exact core and of the estimators do what the table says they do."""

import importlib.metadata

import pytest
import torch

from plaplace import GaussianMixture, LowRank, estimators
from plaplace.compare.rivals.cases import CASES, FORMS, Case, Parameters, Target, problem
from plaplace.compare.rivals.contest import exact_contest
from plaplace.compare.rivals.estimators import JOBS, estimator_contest
from plaplace.compare.rivals.estimators import RIVALS as ESTIMATING
from plaplace.compare.rivals.exact import RIVALS
from plaplace.compare.rivals.floors import floors
from plaplace.compare.rivals.packages import version

K, D, R = 5, 6, 2


def small(kind, dtype=torch.float64):
    """A mixture all of whose components have weight at its points, and 7 of those."""
    g = torch.Generator().manual_seed(0)
    normal = lambda *shape: torch.randn(*shape, generator=g, dtype=torch.float64)  # noqa: E731
    root = normal(K, D, D) / D**0.5
    covariances = {
        "spherical": 0.5 + normal(K).square(),
        "diagonal": 0.5 + normal(K, D).square(),
        "full": root @ root.mT + 0.5 * torch.eye(D).double(),
        "low_rank": LowRank((0.5 + normal(K).square()).to(dtype), normal(K, D, R).to(dtype)),
    }[kind]
    if kind != "low_rank":
        covariances = covariances.to(dtype)
    weights = torch.tensor([0.1, 0.3, 0.2, 0.25, 0.15], dtype=dtype)
    means = (0.5 * normal(K, D)).to(dtype)
    x = normal(7, D).to(dtype)
    return Parameters(kind, weights, means, covariances), GaussianMixture(weights, means, covariances), x


def pairs():
    """Every rival on every kind; those that compile or differentiate for a second beyond the first kind are slow."""
    for name, rival in RIVALS.items():
        for kind in ("full", "low_rank", "diagonal", "spherical"):
            slow = kind != "full" and (rival.differentiates or rival.package == "jax")
            yield pytest.param(name, kind, marks=pytest.mark.slow if slow else ())


@pytest.mark.parametrize(("name", "kind"), pairs())
def test_every_rival_gives_what_it_is_said_to(name, kind):
    rival = RIVALS[name]
    obstacle = rival.obstacle(Case(kind, D, K, 7, torch.float64, ()))
    if obstacle:
        pytest.skip(obstacle)
    parameters, mixture, x = small(kind)
    want = getattr(mixture, rival.quantity)(x)
    torch.testing.assert_close(rival.make(parameters)(x), want, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", ["naive closed form", "JAX closed form", "scikit-learn"])
def test_rivals_compute_in_the_data_type_they_are_given(name):
    if not version(RIVALS[name].package):
        pytest.skip(f"{RIVALS[name].package} is not installed")
    parameters, mixture, x = small("full", torch.float32)
    value = RIVALS[name].make(parameters)(x)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, getattr(mixture, RIVALS[name].quantity)(x), rtol=1e-4, atol=1e-4)


def test_an_absent_package_a_foreign_kind_and_a_full_memory_are_named(monkeypatch):
    assert "no low_rank covariances" in RIVALS["scikit-learn"].obstacle(CASES["low-rank-784"])
    assert "GB" in RIVALS["torch.func Hessian"].obstacle(CASES["full-784"])
    assert not RIVALS["torch.func Hessian"].obstacle(CASES["full-64"])

    def absent(package):
        raise importlib.metadata.PackageNotFoundError(package)

    monkeypatch.setattr(importlib.metadata, "version", absent)
    assert RIVALS["folx"].obstacle(CASES["full-2"]) == "not run: folx is not installed"


def effective(p):
    """exp of the entropy of the components' weights at a point, averaged over 64 points."""
    r = p.mixture.responsibilities(p.x[:64]).double()
    return float(torch.special.entr(r).sum(1).exp().mean())


def marked(slug):
    """The two cases whose factors take seconds and gigabytes are left to the slow run."""
    return pytest.param(slug, marks=pytest.mark.slow) if slug in ("full-784", "low-rank-784") else slug


@pytest.mark.parametrize("slug", map(marked, CASES))
def test_dense_means_that_many_components_count(slug):
    case = CASES[slug]
    dense, typical = effective(problem(case, "dense")), effective(problem(case, "typical"))
    assert dense > case.K / 4, f"{dense:.1f} of {case.K} components count"
    assert dense > 2 * typical


def test_the_float32_variant_has_the_same_points():
    double, single = problem(CASES["spherical-3072"], "dense"), problem(CASES["spherical-3072-float32"], "dense")
    assert single.mixture.dtype == single.x.dtype == torch.float32
    assert torch.equal(double.x.float(), single.x)


def test_an_unknown_form_is_a_sentence():
    with pytest.raises(ValueError, match="form = 'sparse' was given; accepted are 'typical', 'dense'"):
        problem(CASES["full-2"], "sparse")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (Target(2, (("gemm", 1), ("packed", 1))), "at most 2 x (gemm + packed)"),
        (Target(1.3, (("gemm", 3),)), "at most 1.3 x (3 x gemm)"),
        (Target(1 / 3, (("JAX closed form", 1),)), "at least 3 x faster than JAX closed form"),
        (Target(1 / 1000, (("torch.func Hessian", 1),)), "at least 1000 x faster than torch.func Hessian"),
    ],
)
def test_targets_are_told_in_words(target, words):
    assert target.words == words


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("slug", CASES)
def test_every_target_is_about_somebody_who_competes(slug, form):
    case = CASES[slug]
    small = Case(case.kind, min(case.D, 8), 3, 4, case.dtype, case.targets)
    contest = exact_contest(problem(small, form))
    for target in contest.targets:
        assert {name for name, _ in target.of} <= {each.name for each in contest.contenders}


def test_the_packed_floor_is_the_quadratic_form_of_every_component():
    p = problem(Case("full", 6, 3, 300, torch.float64, ()), "typical")
    packed = floors(p)["packed"]
    matrices = torch.zeros(3, 6, 6, dtype=torch.float64)
    matrices[:, packed.i, packed.j] = packed.right
    torch.testing.assert_close(packed(), torch.einsum("ni,kij,nj->kn", p.x, matrices, p.x))


@pytest.mark.parametrize(("kind", "columns"), [("spherical", 3), ("diagonal", 3), ("low_rank", 180), ("full", 18)])
def test_the_gemm_floor_has_the_size_of_the_parameters(kind, columns):
    p = problem(Case(kind, 6, 3, 10, torch.float64, ()), "typical")
    assert floors(p)["gemm"]().shape == (10, columns)


# -- estimators --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in ESTIMATING if name.endswith(" trace")])
def test_exact_traces_are_the_laplacian(name):
    contest = estimator_contest(JOBS["mlp-exact"])
    score = next(each for each in contest.contenders if each.role == "floor").make()
    x = contest.x[:3]
    value = ESTIMATING[name][2](score, 64)(x)
    torch.testing.assert_close(value, estimators.autodiff(score, x, 2.0).value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in ESTIMATING if name.endswith("Hutchinson")])
def test_rademacher_probes_are_exact_where_the_jacobian_is_diagonal(name):
    if not version(ESTIMATING[name][1]):
        pytest.skip(f"{ESTIMATING[name][1]} is not installed")
    diagonal = torch.arange(1.0, 21.0)
    value = ESTIMATING[name][2](lambda x: -diagonal * x, 5)(torch.randn(3, 20))
    torch.testing.assert_close(value, torch.full((3,), -210.0))


@pytest.mark.parametrize("name", ["curvlinops Hutch++", "curvlinops XTrace"])
def test_deflating_rivals_are_exact_where_the_rank_is_small(name):
    pytest.importorskip("curvlinops", reason="needs curvlinops-for-pytorch")
    g = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    matrix = torch.randn(20, 2, generator=g).double() @ torch.randn(2, 20, generator=g).double()
    value = ESTIMATING[name][2](lambda x: x @ matrix.T, 6)(torch.randn(3, 20, generator=g).double())
    torch.testing.assert_close(value, matrix.trace().expand(3), rtol=1e-8, atol=1e-8)


def test_fluxes_at_the_centre_of_a_gaussian():
    """Every cosine is -1 there: D/R times that, or, as published, without the factor."""
    x = torch.zeros(2, 10)
    torch.testing.assert_close(ESTIMATING["flux loop"][2](lambda z: -z, 4)(x), torch.full((2,), -100.0))
    published = ESTIMATING["flux as published"][2](lambda z: -z, 4)(x)
    torch.testing.assert_close(published.flatten(), -torch.ones(2), rtol=1e-2, atol=0)


@pytest.mark.parametrize("slug", [slug for slug in JOBS if slug.startswith("mlp")])
def test_every_contender_of_a_job_takes_points(slug):
    contest = estimator_contest(JOBS[slug])
    assert contest.base.quantity == "p_laplacian"
    for contender in contest.contenders:
        if not contender.obstacle:
            contender.make()(contest.x[:2])
