"""The parts of the emoji pipeline: tokenizer, losses against stubs with a known answer, and steps of a stage."""

from collections import Counter
from types import SimpleNamespace

import pytest
import torch
from torch import nn

pytest.importorskip("diffusers")
transformers = pytest.importorskip("transformers")

from plaplace.networks import emoji  # noqa: E402 (after the skip)
from plaplace.networks.emoji.losses import Latents, autoencoder_loss, diffusion_loss, encode  # noqa: E402
from plaplace.networks.emoji.stage import advance, start_stage  # noqa: E402
from plaplace.networks.emoji.tokenizer import build_tokenizer, learn_merges  # noqa: E402


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


# tokenizer


def test_merges_join_the_most_frequent_pair_first():
    # pairs: l-o 9 times, o-w</w> 7, o-w 2, w-e 2, ..; "lo" is joined first, then lo-w</w>
    merges = learn_merges(Counter({"low": 7, "lower": 2}), 3)
    assert merges == [("l", "o"), ("lo", "w</w>"), ("e", "r</w>")]


def test_tokenizer_survives_the_disk_and_gives_text_back(tmp_path):
    captions = ["grinning face", "face with tears", "clock face 3:30"]
    tokenizer = build_tokenizer(captions, 30, 24)
    tokenizer.save_pretrained(tmp_path)
    read = transformers.CLIPTokenizer.from_pretrained(tmp_path, local_files_only=True)
    texts = [*captions, "", "Grinning  FACE", "日本 ñ never seen"]
    padded = {"padding": "max_length", "truncation": True}
    assert read(texts, **padded).input_ids == tokenizer(texts, **padded).input_ids
    assert read.get_vocab() == tokenizer.get_vocab() and read.model_max_length == 24
    for text in [*captions, "never seen"]:
        assert tokenizer.decode(read(text).input_ids, skip_special_tokens=True).replace(" ", "") == text.replace(
            " ", ""
        )
    assert read("Grinning  FACE").input_ids == read("grinning face").input_ids
    start, end = read.bos_token_id, read.eos_token_id
    assert read("").input_ids == [start, end]
    assert len(read("face").input_ids) == 3  # "face" is frequent enough for a token of its own


def test_tokenizer_refuses_captions_that_do_not_fit():
    with pytest.raises(ValueError, match="the caption 'abcdefgh' has 10 tokens; accepted are at most 9"):
        build_tokenizer(["abcdefgh"], 0, 9)


# losses, each against a stub whose answer is known


class Answer(nn.Module):
    """A module that calls a function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *arguments):
        return self.function(*arguments)


def test_diffusion_loss_vanishes_for_the_true_noise_and_is_one_for_none():
    z = 3.0
    latents = Latents(torch.full((5, 4, 2, 2), z), torch.zeros(5, 4, 2, 2), scaling_factor=0.5)
    alphas_cumprod = torch.linspace(0.99, 0.01, 10)

    def true_noise(x, t, states):
        a = alphas_cumprod[t][:, None, None, None]
        return SimpleNamespace(sample=(x - a.sqrt() * 0.5 * z) / (1 - a).sqrt())

    def no_noise(x, t, states):
        return SimpleNamespace(sample=torch.zeros_like(x))

    text = Answer(lambda tokens: SimpleNamespace(last_hidden_state=tokens))
    loss = diffusion_loss(latents, torch.zeros(5, 3).long(), torch.ones(3).long(), alphas_cumprod, 0.1)
    rows = torch.arange(5).repeat(200)
    exact = loss(nn.ModuleDict({"text_encoder": text, "unet": Answer(true_noise)}), rows, generator())
    assert float(exact) < 1e-8  # float32, amplified at most 1/sqrt(0.01) by the smallest sigma
    unit = loss(nn.ModuleDict({"text_encoder": text, "unet": Answer(no_noise)}), rows, generator())
    # the mean of 16,000 squared normals has a standard deviation of sqrt(2/16000) = 0.011; six of them
    assert abs(float(unit) - 1) < 0.067


def test_captions_are_dropped_as_often_as_asked():
    tokens, empty = torch.arange(1, 6)[:, None].repeat(1, 3), torch.zeros(3).long()
    latents = Latents(torch.zeros(5, 4, 2, 2), torch.ones(5, 4, 2, 2), 1.0)
    seen = []

    def text(caption):
        seen.append(caption)
        return SimpleNamespace(last_hidden_state=caption)

    modules = nn.ModuleDict(
        {"text_encoder": Answer(text), "unet": Answer(lambda x, t, states: SimpleNamespace(sample=x))}
    )
    rows = torch.arange(5).repeat(2000)
    diffusion_loss(latents, tokens, empty, torch.linspace(0.9, 0.1, 4), 0.1)(modules, rows, generator(1))
    dropped = (seen[0] == 0).all(1)
    assert torch.equal(seen[0][~dropped], tokens[rows][~dropped])
    # 10,000 draws at 0.1: standard deviation 0.003; five of them
    assert abs(float(dropped.float().mean()) - 0.1) < 0.015


def test_autoencoder_loss_is_absolute_error_plus_weighted_divergence():
    mean, std = torch.full((2, 4, 2, 2), 0.3), torch.full((2, 4, 2, 2), 0.5)
    posterior = SimpleNamespace(mean=mean, std=std, var=std**2, logvar=2 * std.log())

    class Vae(nn.Module):
        encode = staticmethod(lambda x: SimpleNamespace(latent_dist=posterior))
        decode = staticmethod(lambda z: SimpleNamespace(sample=torch.full((2, 3, 4, 4), 0.25)))

    images = torch.zeros(7, 3, 4, 4)
    loss = autoencoder_loss(images, 0.1)(nn.ModuleDict({"vae": Vae()}), torch.tensor([1, 6]), generator())
    normal, unit = torch.distributions.Normal(mean, std), torch.distributions.Normal(0.0, 1.0)
    divergence = torch.distributions.kl_divergence(normal, unit).mean()
    torch.testing.assert_close(loss, 0.25 + 0.1 * divergence)


def test_scaled_latents_have_unit_variance_on_the_training_pictures():
    images = (
        torch.randn(300, 3, 4, 4, generator=generator(4)) * torch.tensor([9.0, 3.0]).repeat(150)[:, None, None, None]
    )

    class Vae:
        @staticmethod
        def encode(x):
            return SimpleNamespace(latent_dist=SimpleNamespace(mean=x, std=torch.full_like(x, 4.0)))

    training = torch.arange(1, 300, 2)  # standard deviation 3 of the mean, 4 of the encoder's noise: 5 together
    latents = encode(Vae, images, training)
    assert torch.equal(latents.mean, images)
    # measured on 150 * 48 numbers: relative standard deviation 1/sqrt(2 * 7200) = 0.8%; five of them
    assert abs(latents.scaling_factor * 5 - 1) < 0.042
    drawn = latents.draw(training, generator(7))
    assert abs(float(drawn.std()) - 1) < 0.06  # the same error twice


def test_first_steps_follow_the_schedule_and_the_average_follows_them():
    module = nn.Linear(1, 1, bias=False)
    start = module.weight.item()
    settings = emoji.Settings(num_steps=2, batch_size=1, learning_rate=0.5)
    stage = start_stage("line", settings, {"line": module}, torch.arange(3), 0)
    advance(stage, lambda modules, rows, generator: 0.25 * modules["line"].weight.sum(), lambda stage: True)
    # Adam's first step is its rate whatever the slope; the rate is a hundredth of the peak at step 0
    assert module.weight.item() == pytest.approx(start - 0.005, abs=1e-6)
    # the average moves by 1 - min(0.999, 1/10)
    assert stage.average["line"].weight.item() == pytest.approx(start - 0.9 * 0.005, abs=1e-6)
    assert advance(stage, lambda modules, rows, generator: 0.25 * modules["line"].weight.sum(), lambda stage: False)
    # the second rate: two hundredths, and half of it by the cosine
    assert module.weight.item() == pytest.approx(start - 0.01, abs=1e-6)


def test_a_loss_that_is_not_finite_ends_the_training():
    stage = start_stage("line", emoji.FULL.diffusion, {"line": nn.Linear(1, 1)}, torch.arange(3), 0)
    with pytest.raises(FloatingPointError, match="the loss of step 0 of the line is nan; try another seed"):
        advance(stage, lambda modules, rows, generator: modules["line"].weight.sum() * torch.nan, lambda stage: True)
