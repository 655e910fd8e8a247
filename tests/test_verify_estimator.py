"""`plaplace verify` on estimators: ours and a plain right one pass, each broken one is caught and its fault named."""

import html
import json
import math

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from plaplace import estimators
from plaplace.cli import app
from plaplace.verify import check, kind_of, load, verify
from plaplace.verify.arrays import Backend
from plaplace.verify.estimator.binding import bind
from plaplace.verify.estimator.hypotheses import Evidence, explain
from plaplace.verify.estimator.runs import repeat
from plaplace.verify.estimator.scenes import ridge, scenes
from plaplace.verify.estimator.sphere import Sphere
from plaplace.verify.page import page
from tests import broken_estimators

SEEDS = 60

# what is broken -> a word of the sentence that names it
BROKEN = {
    "sign": "the sign is reversed",
    "factor": "a factor D/R is missing",
    "biased_directions": "the directions are biased",
    "reused_noise": "the noise is reused",
    "repeated_noise": "the standard error is too small by 2",
    "pairs_counted_twice": "too small by 1.4",
    "error_of_one_direction": "the spread of single directions, not of their mean",
    "swapped_axes": "axes of points and directions are swapped",
    "mean_over_the_batch": "a mean runs over the batch",
    "half_precision": "half precision",
    "wrong_p": "p = 1 returns the p = 2 flux",
    "wrong_radius": "the score is asked at 2 R where R was given",
    "one_dimension_short": "D - 1 stands where D belongs",
    "rounded_p": "p is rounded to an integer",
    "error_of_the_batch": "though right on average",
    "norm_over_the_last_axis": "wrong for images",
    "changes_its_input": "it changes the points that it is given",
    "eight_rows": "in a batch of B = 40, point 8 has 0",
    "two_seeds": "60 seeds give 2 sets of directions",
    "never_twice": "the same seed, given by the parameter 'generator', gives other values",
    "detached_norm": "the term (p-2) n'Hn is missing",
    "detached_graph": "the graph is detached",
    "one_sided": "one-sided differences",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_estimator_is_caught_and_its_fault_named(name):
    verdict = verify(getattr(broken_estimators, name), seeds=SEEDS)
    assert not verdict.holds
    assert any(BROKEN[name] in fault for fault in verdict.faults), f"{name}: {verdict.faults}"


@pytest.mark.slow
def test_directions_that_are_only_a_little_uneven_are_caught():
    (fault,) = verify(broken_estimators.cube_directions, seeds=SEEDS).faults
    assert "the directions are biased: E n_i^4" in fault


def test_the_published_estimator_has_three_faults_and_each_is_named():
    verdict = verify(broken_estimators.published, seeds=SEEDS)
    short, factor, precision = verdict.faults
    assert "p = 2 returns the p = 1 flux" in short
    assert "an exponent short" in short
    assert factor == "a factor D/R is missing"
    assert "float16" in precision


@pytest.mark.parametrize("name", ["autodiff", "finite_difference"])
def test_ours_pass(name):
    check(getattr(estimators, name))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("sphere_flux", {}),
        ("sphere_flux", {"directions": "iid"}),
        ("sphere_flux", {"directions": "antithetic"}),
        ("sphere_flux", {"directions": "orthonormal"}),
        ("ball_volume", {}),
        ("hutchinson", {}),
        ("hutchinson", {"method": "plain", "distribution": "rademacher"}),
        ("hutchinson", {"method": "hutch++"}),
    ],
)
def test_ours_pass_whatever_their_settings(name, settings):
    check(getattr(estimators, name), settings=settings, seeds=SEEDS)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["right", "attached"])
def test_plain_right_ones_pass(name):
    check(getattr(broken_estimators, name), seeds=SEEDS)


def test_a_score_asked_twice_is_a_cost_and_no_fault():
    check(broken_estimators.asks_twice, seeds=SEEDS)


def test_a_rule_that_every_seed_shares_is_no_reused_noise():
    faults = verify(broken_estimators.rule, exponents=(2.0,)).faults
    assert not any("reused" in fault or "biased" in fault for fault in faults), faults


def numpy_flux(score, x, p, radius, n_samples=64, rng=None):
    """A right one in numpy, that returns a value and a standard error."""
    d = x[0].size
    n = rng.standard_normal((len(x), n_samples, d))
    n /= np.linalg.norm(n, axis=-1, keepdims=True)
    around = x[:, None] + radius * n.reshape(len(x), n_samples, *x.shape[1:])
    s = score(around.reshape(-1, *x.shape[1:])).reshape(len(x), n_samples, d)
    flux = d / radius * np.linalg.norm(s, axis=-1) ** (p - 2) * (s * n).sum(-1)
    return flux.mean(1).astype(x.dtype), flux.std(1, ddof=1) / math.sqrt(n_samples)


def test_numpy_arrays_are_taken():
    verdict = verify(numpy_flux, seeds=SEEDS)
    assert verdict.holds, str(verdict)


@pytest.mark.slow
def test_jax_arrays_are_taken():
    jax = pytest.importorskip("jax")
    jnp = jax.numpy

    def pointwise(score, x, p):
        def field(y):
            s = score(y[None])[0]
            return jnp.sqrt((s * s).sum()) ** (p - 2) * s

        def one(y):
            return jnp.trace(jax.jacfwd(field)(y).reshape(y.size, y.size))

        return jnp.stack([one(y) for y in x])

    verdict = verify(pointwise, exponents=(3.0,))
    assert verdict.holds, str(verdict)


def test_a_check_says_what_is_wrong():
    with pytest.raises(AssertionError, match=r"FAIL +diagnosis +the term \(p-2\) n'Hn is missing"):
        check(broken_estimators.detached_norm)


def test_the_command_prints_writes_and_exits(tmp_path):
    file = f"{broken_estimators.__file__}:detached_norm"
    out = CliRunner().invoke(
        app, ["verify", file, "--json", str(tmp_path / "v.json"), "--html", str(tmp_path / "v.html")]
    )
    assert out.exit_code == 1, out.output
    assert "the term (p-2) n'Hn is missing" in out.output
    content = json.loads((tmp_path / "v.json").read_text("utf-8"))
    assert content["holds"] is False
    assert content["faults"]
    text = (tmp_path / "v.html").read_text("utf-8")
    assert "1 fault" in text
    assert "http" not in text.replace("http-equiv", "")
    out = CliRunner().invoke(app, ["verify", "plaplace.estimators:autodiff"])
    assert out.exit_code == 0, out.output
    assert "the contract holds" in out.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nothing"], "expected is MODULE:FUNCTION"),
        (["no_such_module_here:f"], "no module 'no_such_module_here'"),
        (["plaplace.estimators:nothing"], "has no 'nothing'; it has"),
        (["no_such_file.py:f"], "no file no_such_file.py"),
        (["plaplace.estimators:autodiff", "--kind", "oracle"], "kind = 'oracle' was given; accepted are"),
        (["plaplace.estimators:autodiff", "--target", "ball_mean"], "no parameter is a radius by its name"),
        (["plaplace.estimators:autodiff", "--target", "mode"], "target = 'mode' was given; accepted are"),
        (["plaplace.estimators:autodiff", "--set", "foo=1"], "settings ['foo'] were given; the parameters after p are"),
        (["plaplace.estimators:autodiff", "--set", "foo"], "it takes NAME=VALUE"),
        (["plaplace.estimators:autodiff", "--mixture", "triangle"], "mixture was given; of kind 'estimator' are"),
        (["plaplace.estimators:autodiff", "--p", "1,x"], "it takes numbers with commas"),
        (["math:hypot"], "name the kind"),
    ],
)
def test_wrong_usage_is_a_sentence(arguments, sentence):
    out = CliRunner().invoke(app, ["verify", *arguments])
    assert out.exit_code == 2, out.output
    assert sentence in " ".join(out.output.split()), out.output


class Denoiser(torch.nn.Module):
    def forward(self, x, sigma):
        return x


def test_kinds_are_told_by_parameters():
    assert kind_of(load("plaplace.estimators:sphere_flux")) == "estimator"
    assert kind_of(load("plaplace:GaussianMixture")) == "exact"
    assert kind_of(lambda weights, means, covariances, x, p: 0) == "exact"
    assert kind_of(lambda x, sigma: x) == "network"
    assert kind_of(Denoiser()) == "network"
    with pytest.raises(ValueError, match="do not say what it is"):
        kind_of(lambda a, b: a)


@pytest.mark.parametrize("settings", [{"radius": 0.3}, {"radius": 0.3, "num_directions": 128}])
def test_a_radius_of_the_users_is_that_of_every_scene(settings):
    def flux(score, x, p, *, radius, num_directions, generator):
        assert radius == 0.3
        assert num_directions == settings.get("num_directions", 64)
        return estimators.sphere_flux(
            score, x, p, radius=radius, num_directions=num_directions, generator=generator, directions="frame"
        )

    verdict = verify(flux, settings=settings, seeds=SEEDS)
    assert verdict.holds, str(verdict)
    assert "R = 0.949 widths" in verdict.to_json()


def test_a_parameter_that_nothing_explains_is_asked_for():
    def needs(score, x, p, temperature):
        return temperature

    with pytest.raises(ValueError, match="'temperature' has no default and no name that says what it is"):
        bind(needs, Backend("torch"), {})
    assert bind(needs, Backend("torch"), {"temperature": 1.0}).settings == {"temperature": 1.0}


def test_an_extrapolation_is_told_to_be_judged_at_the_point():
    verdict = verify(estimators.sphere_flux, settings={"richardson": True}, seeds=SEEDS)
    assert any("judged by --target pointwise" in fault for fault in verdict.faults), verdict.faults
    check(estimators.sphere_flux, settings={"richardson": True}, target="pointwise", seeds=SEEDS)


def test_answers_are_read_in_every_form():
    scene = scenes()[0]
    value = torch.zeros(5)
    for answer in (
        value,
        value.tolist(),
        (value, value),
        [value, value, 7],
        {"value": value, "standard_error": value},
        value[:, None],
    ):
        bound = bind(lambda score, x, p, answer=answer: answer, Backend("torch"), {"answer": answer})
        runs = repeat(bound, scene.score, scene.x, [2.0], None, 2)
        assert runs.values.shape == (1, 5, 1)


def test_transposed_values_are_turned_and_told():
    def transposed(score, x, p):
        return torch.stack([estimators.autodiff(score, x, q).value for q in (p if isinstance(p, list) else [p])])

    verdict = verify(transposed)
    assert any("axes are swapped: the value has shape (3, " in fault for fault in verdict.faults), verdict.faults


@pytest.mark.parametrize("scene", scenes(), ids=lambda scene: scene.name)
def test_truths_of_a_scene_agree_with_a_sphere_of_our_own(scene):
    """Two routes to every ball mean: exact rules, and many directions."""
    p = (1.0, 2.0, 3.0)
    for radius in scene.radii:
        exact, sphere = scene.ball_mean(p, radius), Sphere(scene, radius)
        known = exact.isfinite()
        off = ((sphere.means(p) - exact).abs() / sphere.size(p))[known]
        assert float(off.max()) < 2e-3, f"off by {float(off.max()):.1e} of the terms at R = {radius:g}"
    small = 1e-3 * scene.width
    near = Sphere(scene, small).means(p)
    assert float(((near - scene.pointwise(p)).abs() / scene.size(p)).max()) < 2e-3


def test_the_ridge_tells_uneven_directions():
    scene = ridge()
    exact = scene.ball_mean([1.0, 2.0, 3.0], scene.radii[0])
    square = torch.rand(200_000, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1
    n = square / square.norm(dim=1, keepdim=True)
    around = (scene.points[:, None] + scene.radii[0] * n).flatten(0, 1)
    s = scene.score(around).reshape(2, -1, 2)
    flux = torch.stack([s.norm(dim=-1) ** (p - 2) * (s * n).sum(-1) for p in (1.0, 2.0, 3.0)], -1).mean(1)
    uneven = 2 / scene.radii[0] * flux
    assert float((uneven / exact - 1).abs().max()) > 0.02


def test_hypotheses_find_a_factor_and_refuse_noise():
    g = torch.Generator().manual_seed(0)
    truth = torch.randn(60, generator=g).double() * 3 + 5
    dimension, length = torch.tensor([2.0, 3, 8, 48]).double().repeat(15), torch.rand(60, generator=g).double() + 0.2
    measured = -2 * truth * dimension**-1 * length
    evidence = Evidence(measured, 0.001 * measured.abs(), truth.abs(), dimension, length, 64)
    found = explain(evidence, {"": truth, "another": truth * torch.rand(60, generator=g)})
    assert found is not None
    assert found.sentences == ("the sign is reversed", "the values are 2 D^-1 R times what they should be")
    noise = torch.randn(60, generator=g).double() * truth
    nothing = Evidence(noise, 0.001 * noise.abs(), truth.abs(), dimension, length, 64)
    assert explain(nothing, {"": truth}) is None


def test_a_page_is_the_verdict():
    verdict = verify(broken_estimators.detached_graph)
    text = page(verdict)
    assert "1 fault" in text
    assert "the graph is detached" in text
    assert all(html.escape(each.case, quote=True).replace("&#x27;", "&#39;") in text for each in verdict.findings)
