"""The public names, listed. A name that goes, or a promised argument that changes, breaks somebody else's program:
CONTRIBUTING.md says what version it then takes. A new name is added to the list here.
"""

import importlib
import inspect
import pkgutil

import pytest

import plaplace

PUBLIC = {
    "plaplace": "Estimate GaussianMixture LowRank estimators noise",
    "plaplace.compare": "run",
    "plaplace.estimators": "ESTIMATORS autodiff ball_volume finite_difference hutchinson sphere_flux",
    "plaplace.memorization": "Ingredient Probes Profile Statistic detection probe profile statistics",
    "plaplace.memorization.detection": (
        "VERDICTS Evaluation Interval Paired benjamini_hochberg decide evaluate evaluate_seeds p_values paired "
        "paired_seeds q_values_of_counts roc threshold verdicts"
    ),
    "plaplace.memorization.worlds": "WORLDS Bed Progress Task World emoji_worlds",
    "plaplace.mixture": "Curvatures GaussianMixture LowRank compiled",
    "plaplace.models": (
        "Diagnosis DiscreteLevels Embeddings Field Finding FlowLevels ImageSpace Labels LatentSpace Level Levels "
        "NetworkModel Precision Prompts ScoreModel SigmaLevels Unconditioned check conditional from_denoiser "
        "from_epsilon from_network from_sample from_score from_v from_velocity gap guided load unconditional"
    ),
    "plaplace.networks": (
        "RECIPES Denoiser DenoiserConfig EpsilonConfig EpsilonNetwork History Recipe Run Training UNet UNetConfig "
        "advance describe evaluate finish load load_state recipe sample save save_state start train"
    ),
    "plaplace.networks.data": (
        "IMAGE_SETS MANIFEST_NAME ImageSet Manifest Planted image_set plant read_manifest rebuild write_manifest "
        "write_pictures"
    ),
    "plaplace.noise": (
        "Schedule add_noise check_level cosine flow_matching karras_sigmas linear probe_radius score_from_epsilon "
        "score_from_sample score_from_v score_from_velocity"
    ),
    "plaplace.operators": "Exponent Of exponents p_laplacian safe_norm unit_normal",
    "plaplace.scan": "run",
    "plaplace.strategies": ("KINDS covariances exponents mixtures noise_levels orthogonal_matrices parameters points"),
    "plaplace.testing": "PROBLEMS CountedScore Finding Problem assert_close check_estimator contract",
    "plaplace.verify": "KINDS Finding Verdict check kind_of load verify",
}
INTERNAL = {"cli", "directions", "estimate", "extras", "sampling"}  # may change in any version; Estimate is exported

# what the design fixes: names, order and defaults of the arguments; others may follow with defaults of their own
PROMISED = {
    "GaussianMixture": "weights, means, covariances",
    "LowRank": "isotropic, factors",
    "GaussianMixture.fit": "x, num_components, covariance='full', seed=0",
    "GaussianMixture.kernel_density": "x, bandwidth",
    "GaussianMixture.mix": "parts",
    "GaussianMixture.log_prob": "self, x",
    "GaussianMixture.score": "self, x",
    "GaussianMixture.hessian": "self, x",
    "GaussianMixture.laplacian": "self, x",
    "GaussianMixture.directional_curvature": "self, x, v",
    "GaussianMixture.p_laplacian": "self, x, p, eps=0.0, of='log_density'",
    "GaussianMixture.ball_mean": "self, x, p, radius, return_error=False",
    "GaussianMixture.noised": "self, alpha, sigma",
    "GaussianMixture.denoise": "self, x, alpha, sigma",
    "GaussianMixture.sample": "self, n, generator=None",
    "estimators.sphere_flux": (
        "score, x, p, *, radius, num_directions=64, directions='frame', generator=None, chunk_size=None, tolerance=None"
    ),
    "estimators.ball_volume": "score, x, p, *, radius, num_points=64",
    "estimators.autodiff": "score, x, p",
    "estimators.finite_difference": "score, x, p, *, step=None",
    "estimators.hutchinson": "score, x, p, *, num_probes=16, tolerance=None",
    "models.load": "source",
    "memorization.probe": "model, x, level, num_directions=16, generator=None, condition=None",
    "memorization.detection.evaluate": "scores, labels",
    "verify.verify": "function, kind=None",
}


def find(dotted):
    found = importlib.import_module("plaplace")
    for name in dotted.split("."):
        found = getattr(found, name, None) or importlib.import_module(f"{found.__name__}.{name}")
    return found


@pytest.mark.parametrize("module", PUBLIC)
def test_the_public_names_are_those_listed(module):
    assert sorted(importlib.import_module(module).__all__) == sorted(PUBLIC[module].split())


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_exists_and_says_what_it_is(module):
    home = importlib.import_module(module)
    assert (home.__doc__ or "").strip(), f"{module} has no docstring"
    for name in home.__all__:
        value = getattr(home, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            doc = value.__doc__ or ""
            # a dataclass without a docstring is given its signature as one
            assert doc.strip() and not doc.startswith(f"{name}("), f"{module}.{name} has no docstring"


def test_every_module_is_either_public_or_internal():
    parts = {info.name for info in pkgutil.iter_modules(plaplace.__path__)}
    public = {module.split(".")[1] for module in PUBLIC if "." in module}
    assert not public & INTERNAL
    assert parts == public | INTERNAL


@pytest.mark.parametrize("name", PROMISED)
def test_promised_arguments_keep_their_names_places_and_defaults(name):
    got = inspect.signature(find(name)).parameters
    want = inspect.signature(eval(f"lambda {PROMISED[name]}: None")).parameters
    positional = [parameter for parameter in want.values() if parameter.kind == parameter.POSITIONAL_OR_KEYWORD]
    assert list(got)[: len(positional)] == [parameter.name for parameter in positional]
    for parameter in want.values():
        assert parameter.name in got, f"{name} has lost its argument {parameter.name}"
        mine = got[parameter.name]
        assert (mine.default, mine.kind) == (parameter.default, parameter.kind), f"{name}({parameter.name})"
    for parameter in list(got.values())[len(positional) :]:
        optional = parameter.default is not parameter.empty or parameter.kind == parameter.VAR_KEYWORD
        assert parameter.name in want or optional, f"{name} demands {parameter.name}"


def test_the_package_lists_its_names_before_it_loads_them():
    assert dir(plaplace) == sorted([*plaplace.__all__, "__version__"])
    with pytest.raises(AttributeError, match="module 'plaplace' has no attribute 'GaussianMixtures'"):
        plaplace.GaussianMixtures  # noqa: B018
