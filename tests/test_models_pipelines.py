"""Every pipeline, prediction and guidance setting: an exact mixture dressed as the network gives back its own score.

The pipelines are real and tiny; only the network is dressed. Which mixture answers (the key of the condition) is read
off what reaches the network, so that labels, prompts through tokenizer and text encoder, packing and times are all part
of the proof.
"""

import pytest
import torch

from plaplace import models
from tests.dressed import Config, DressedUNet, assert_recovers, mixture, predict

diffusers = pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from tests import tiny_pipelines  # noqa: E402
from tests.test_models_schedulers import KINDS, levels_of  # noqa: E402

LATENTS = (4, 2, 2)
PARTS = {key: mixture(16, seed=seed) for seed, key in enumerate(["a red cat", "two blue dogs, asleep", ""])}
LABELLED = {label: mixture(16, seed=10 + label) for label in range(6)}
DTYPES = [torch.float64, torch.float32]


def nearest(known):
    """Which prompt an embedding (B, L, C) is of: the one whose own embedding it equals."""

    def which(encoder_hidden_states, pooled_projections=None, **_):
        keys = []
        for row, tokens in enumerate(encoder_hidden_states.double()):
            matches = [
                key
                for key, (own, pooled) in known.items()
                if torch.allclose(tokens, own.double(), atol=1e-4)
                and (pooled is None or torch.allclose(pooled_projections[row].double(), pooled.double(), atol=1e-4))
            ]
            assert len(matches) == 1, f"{len(matches)} prompts have this embedding"
            keys += matches
        return keys

    return which


def labels(class_labels):
    return class_labels.tolist()


def check_fields(model, parts, condition, level, truth, kind, dtype):
    """The four fields of a conditional model against those of the mixtures."""
    assert_recovers(model, kind, parts[condition], level, truth, condition, dtype)
    null = next(reversed(parts))
    assert_recovers(model, kind, parts[null], level, truth, None, dtype)
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(2, *model.shape, generator=generator, dtype=torch.float64).to(dtype)
    flat = x.double().flatten(1)
    s_c, s_u = (parts[key].noised(*truth).score(flat).reshape(x.shape) for key in (condition, null))
    wanted = {
        "conditional": (models.conditional(model, level, condition), s_c),
        "unconditional": (models.unconditional(model, level), s_u),
        "guided 0": (models.guided(model, level, condition, 0.0), s_u),
        "guided 1": (models.guided(model, level, condition, 1.0), s_c),
        "guided 7.5": (models.guided(model, level, condition, 7.5), s_u + 7.5 * (s_c - s_u)),
        "gap": (models.gap(model, level, condition), s_c - s_u),
    }
    for name, (field, want) in wanted.items():
        # a difference of two scores may be smaller than either, and 0 where alpha is: relative to the largest
        scale = torch.stack([each.flatten(1).norm(dim=1) for each in (s_c, s_u, want)]).amax(0)
        weight = 20 if name == "guided 7.5" else 2
        unit = 1e-10 if dtype == torch.float64 else 1e-5
        error = (field(x).double() - want).flatten(1).norm(dim=1) / scale
        assert bool((error <= weight * unit).all()), f"{name} at {level}: {error.tolist()}"


# --- pixels and latents without a text


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("prediction", KINDS)
@pytest.mark.parametrize("name", ["DDPMPipeline", "DDIMPipeline", "LDMPipeline"])
def test_unconditional_pipelines(name, prediction, dtype):
    scheduler = diffusers.DDIMScheduler(prediction_type=prediction)
    at, q = levels_of(scheduler), mixture(12, seed=20)
    network = DressedUNet(KINDS[prediction], q, at, (3, 2, 2), dtype=dtype)
    if name == "LDMPipeline":
        pipeline = diffusers.LDMPipeline(tiny_pipelines.vq_autoencoder(), network, scheduler)
    else:
        pipeline = getattr(diffusers, name)(network, scheduler)
    model = models.load(pipeline)
    assert model.shape == (3, 2, 2)
    for t in (0, 50, 500, 999):
        assert_recovers(model, KINDS[prediction], q, model.levels[t], at(t), dtype=dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("prediction", KINDS)
def test_class_labels_in_pixels(prediction, dtype):
    scheduler = diffusers.DDPMScheduler(prediction_type=prediction)
    at = levels_of(scheduler)
    network = DressedUNet(KINDS[prediction], LABELLED, at, (4, 2, 2), labels, dtype=dtype, num_class_embeds=6)
    network.config["in_channels"] = 4
    pipeline = tiny_pipelines.ddpm(labels=6)
    pipeline.unet, pipeline.scheduler = network, scheduler
    with pytest.raises(ValueError, match="channels = 4 was given; accepted are 1 and 3"):
        models.load(pipeline, null_label=5)
    network.config["in_channels"], parts = 1, {label: mixture(4, seed=10 + label) for label in range(6)}
    network.q = parts
    model = models.load(pipeline, null_label=5)
    for t in (10, 400):
        check_fields(model, parts, 2, model.levels[t], at(t), KINDS[prediction], dtype)
    without = models.load(pipeline)
    with pytest.raises(ValueError, match="trained without a null class"):
        models.unconditional(without, 10)(torch.zeros(1, 1, 2, 2))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("variance", [True, False])
@pytest.mark.parametrize("prediction", KINDS)
def test_dit(prediction, variance, dtype):
    pipeline = tiny_pipelines.dit(labels=5)
    pipeline.scheduler = diffusers.DDIMScheduler(prediction_type=prediction)
    at = levels_of(pipeline.scheduler)
    pipeline.transformer = DressedUNet(
        KINDS[prediction], LABELLED, at, LATENTS, labels, variance, dtype=dtype, num_embeds_ada_norm=5
    )
    model = models.load(pipeline)
    for t in (10, 400):
        check_fields(model, LABELLED, 3, model.levels[t], at(t), KINDS[prediction], dtype)


# --- texts


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("prediction", KINDS)
@pytest.mark.parametrize("scheduler", ["PNDMScheduler", "DDIMScheduler", "EulerDiscreteScheduler"])
def test_stable_diffusion(scheduler, prediction, dtype):
    pipeline = tiny_pipelines.stable_diffusion()
    pipeline.scheduler = getattr(diffusers, scheduler)(prediction_type=prediction, **tiny_pipelines.LINEAR)
    at = levels_of(pipeline.scheduler)
    known = {text: (pipeline.encode_prompt([text], "cpu", 1, False)[0][0], None) for text in PARTS}
    pipeline.unet = DressedUNet(KINDS[prediction], PARTS, at, LATENTS, nearest(known), dtype=dtype)
    model = models.load(pipeline)
    for t in (10, 400):
        check_fields(model, PARTS, "a red cat", model.levels[t], at(t), KINDS[prediction], dtype)


def flow_levels(scale):
    return lambda t: (1 - t / scale, t / scale)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_stable_diffusion_3(shift, dtype):
    pipeline = tiny_pipelines.stable_diffusion_3()
    pipeline.scheduler = diffusers.FlowMatchEulerDiscreteScheduler(shift=shift)
    options = tiny_pipelines.OPTIONS["stable-diffusion-3"]
    known = {}
    for text in PARTS:
        tokens, _, pooled, _ = pipeline.encode_prompt(
            [text], None, None, do_classifier_free_guidance=False, max_sequence_length=options["max_tokens"]
        )
        known[text] = (tokens[0], pooled[0])
    network = DressedUNet("velocity", PARTS, flow_levels(1000.0), LATENTS, nearest(known), dtype=dtype)
    network.config["joint_attention_dim"] = pipeline.transformer.config.joint_attention_dim
    pipeline.transformer = network
    model = models.load(pipeline, **options)
    for t in (0.02, 0.4, 0.9, 1.0):
        # float32 tells the network a rounded time: the truth is at that one
        told = float(torch.tensor(1000.0 * t, dtype=dtype)) / 1000
        check_fields(model, PARTS, "a red cat", model.levels.at(t=t), (1 - told, told), "velocity", dtype)


class PackedNetwork(DressedUNet):
    """Stands where a `FluxTransformer2DModel` stands: tokens of 2 x 2 latents in, the same out; asserts what else it is
    told: positions, text positions and guidance."""

    def forward(self, hidden_states, timestep, guidance, img_ids, txt_ids, return_dict=True, **inputs):
        b, tokens, _ = hidden_states.shape
        assert guidance.tolist() == [2.5] * b
        assert img_ids.tolist() == [[0, row, column] for row in range(2) for column in range(2)][:tokens]
        assert txt_ids.shape == (inputs["encoder_hidden_states"].shape[1], 3) and not txt_ids.any()
        # token k holds the 2 x 2 pixels of each channel at row k // 2, column k % 2: unpacked by hand
        x = hidden_states.new_zeros(b, 4, 4, 4)
        for token in range(tokens):
            row, column = 2 * (token // 2), 2 * (token % 2)
            x[:, :, row : row + 2, column : column + 2] = hidden_states[:, token].reshape(b, 4, 2, 2)
        says = super().forward(hidden_states=x, timestep=timestep, return_dict=False, **inputs)[0]
        packed = torch.stack(
            [
                says[:, :, 2 * (k // 2) : 2 * (k // 2) + 2, 2 * (k % 2) : 2 * (k % 2) + 2].reshape(b, 16)
                for k in range(tokens)
            ],
            1,
        )
        return (packed,)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_flux(dtype):
    pipeline, options = tiny_pipelines.flux(), tiny_pipelines.OPTIONS["flux"]
    parts = {key: mixture(64, seed=30 + seed) for seed, key in enumerate(PARTS)}
    known = {}
    for text in parts:
        tokens, pooled, _ = pipeline.encode_prompt([text], None, max_sequence_length=options["max_tokens"])
        known[text] = (tokens[0], pooled[0])
    network = PackedNetwork("velocity", parts, flow_levels(1.0), (4, 4, 4), nearest(known), dtype=dtype)
    network.config = Config(in_channels=16, guidance_embeds=True)
    pipeline.transformer = network
    model = models.load(pipeline, **options)
    assert model.shape == (4, 4, 4)
    for t in (0.02, 0.4, 1.0):
        told = float(torch.tensor(t, dtype=dtype))
        check_fields(model, parts, "a red cat", model.levels.at(t=t), (1 - told, told), "velocity", dtype)


def test_one_prompt_a_point():
    pipeline = tiny_pipelines.stable_diffusion()
    at = levels_of(pipeline.scheduler)
    known = {text: (pipeline.encode_prompt([text], "cpu", 1, False)[0][0], None) for text in PARTS}
    pipeline.unet = DressedUNet("epsilon", PARTS, at, LATENTS, nearest(known), dtype=torch.float64)
    model = models.load(pipeline)
    x = torch.randn(2, *LATENTS, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    got = model.score(x, 100, ["two blue dogs, asleep", "a red cat"])
    for row, text in enumerate(["two blue dogs, asleep", "a red cat"]):
        want = predict("score", PARTS[text], x[row : row + 1], *at(100))
        assert torch.allclose(got[row : row + 1], want, rtol=1e-10)
    with pytest.raises(ValueError, match="2 conditions were given for 3 points"):
        model.score(x[[0, 0, 1]], 100, list(tiny_pipelines.PROMPTS))


@pytest.mark.slow
@pytest.mark.parametrize("prediction", KINDS)
def test_stable_diffusion_at_every_level(prediction):
    pipeline = tiny_pipelines.stable_diffusion()
    pipeline.scheduler = diffusers.DDIMScheduler(
        prediction_type=prediction, rescale_betas_zero_snr=True, **tiny_pipelines.LINEAR
    )
    at = levels_of(pipeline.scheduler)
    known = {text: (pipeline.encode_prompt([text], "cpu", 1, False)[0][0], None) for text in PARTS}
    for dtype in DTYPES:
        pipeline.unet = DressedUNet(KINDS[prediction], PARTS, at, LATENTS, nearest(known), dtype=dtype)
        model = models.load(pipeline)
        for level in model.levels:
            assert_recovers(
                model, KINDS[prediction], PARTS["a red cat"], level, at(level.t), "a red cat", dtype, points=1
            )


def test_latents_of_an_autoencoder_in_an_ldm_pipeline():
    vae, scheduler = tiny_pipelines.autoencoder(), diffusers.DDIMScheduler()
    model = models.load(diffusers.LDMPipeline(vae, tiny_pipelines.unet(channels=4, size=4), scheduler))
    image = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    want = vae.config.scaling_factor * vae.encode(2 * image - 1).latent_dist.mean
    assert torch.allclose(model.encode(image), want)
