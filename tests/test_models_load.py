"""`models.load`: the same scores from a folder in a fresh process without a network."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from plaplace import models
from plaplace.models import DiscreteLevels
from tests.small_networks import generator

NAMES = [
    "ddpm",
    "ddim",
    "ddpm-labels",
    "ldm",
    "dit",
    "stable-diffusion",
    "stable-diffusion-3",
    "flux",
]
SD = "stable-diffusion"


def run(code, *arguments, **environment):
    """A fresh Python on one thread; its output, or its error."""
    given = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    command = [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=given, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def scores(name, model):
    """Scores at two levels of two points and of one, which kernels treat differently; with and without a condition."""
    tiny = pytest.importorskip("tests.tiny_pipelines")
    x = torch.randn(2, *model.shape, generator=generator(0))
    given = tiny.conditions_of(name)
    levels = [model.levels.at(snr=snr) for snr in (3.0, 0.2)]
    found = {}
    for i, level in enumerate(levels):
        found[f"{name} {i} given"] = model.score(x, level, given)
        found[f"{name} {i} none"] = model.score(x, level)
        found[f"{name} {i} one"] = model.score(x[:1], level, given and given[0])
    return found


@pytest.fixture(scope="module")
def pipelines():
    tiny = pytest.importorskip("tests.tiny_pipelines")
    return {name: tiny.PIPELINES[name]() for name in NAMES}


@pytest.fixture(scope="module")
def folders(pipelines, tmp_path_factory):
    root = tmp_path_factory.mktemp("pipelines")
    for name, pipeline in pipelines.items():
        pipeline.save_pretrained(root / name)
    # what plaplace train writes beside a class-conditional U-Net
    (root / "ddpm-labels" / "plaplace.json").write_text(json.dumps({"null_label": 4}))
    return root


def options(name):
    tiny = pytest.importorskip("tests.tiny_pipelines")
    return tiny.OPTIONS.get(name, {})


# --- from a folder in a fresh process


FRESH = """
import json, socket, sys

def refuse(*arguments, **named):
    raise AssertionError(f"a connection to {arguments[1:]} was tried")

socket.socket.connect = socket.socket.connect_ex = refuse
socket.getaddrinfo = refuse

import torch
from safetensors.torch import save_file
from plaplace import models
from tests.test_models_load import scores

torch.set_num_threads(1)
root, out, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
found = {}
for name, given in options.items():
    found |= scores(name, models.load(f"{root}/{name}", **given))
save_file({name: s.contiguous() for name, s in found.items()}, out)
"""


@pytest.fixture(scope="module")
def fresh(folders, tmp_path_factory):
    out = tmp_path_factory.mktemp("fresh") / "scores.safetensors"
    given = {name: {k: v for k, v in options(name).items() if k != "null_label"} for name in NAMES}
    run(FRESH, folders, out, json.dumps(given), HF_HUB_OFFLINE="1", PYTHONPATH=str(Path(__file__).parents[1]))
    return load_file(out)


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_in_a_fresh_process_without_a_network_gives_the_same_scores(name, pipelines, fresh):
    here = scores(name, models.load(pipelines[name], **options(name)))
    for key, score in here.items():
        assert score.isfinite().all() and score.abs().max() > 1e-3
        assert torch.equal(fresh[key], score), f"{key}: {(fresh[key] - score).abs().max()}"


@pytest.mark.parametrize("name", [SD, "stable-diffusion-3", "flux", "ddpm-labels", "dit"])
def test_the_condition_matters(name, fresh):
    assert not torch.equal(fresh[f"{name} 0 given"], fresh[f"{name} 0 none"])


def test_a_loaded_folder_says_nothing(folders, capfd):
    models.load(folders / SD)
    said = capfd.readouterr()
    assert said.out == ""
    assert "%|" not in said.err


# --- prompts as the pipelines encode them


def test_prompts_are_encoded_as_the_pipelines_encode_them(pipelines):
    tiny = pytest.importorskip("tests.tiny_pipelines")
    texts, length = list(tiny.PROMPTS), tiny.MAX_TOKENS
    sd, sd3, flux = (pipelines[name] for name in (SD, "stable-diffusion-3", "flux"))
    with torch.no_grad():
        # diffusers guides with the empty prompt beside the text: (given, empty)
        given, empty = sd.encode_prompt(texts, "cpu", 1, True, negative_prompt=["", ""])
        inputs = models.load(sd).conditions.prepare(texts).inputs
        torch.testing.assert_close(inputs["encoder_hidden_states"], given)
        inputs = models.load(sd).conditions.prepare(None).inputs
        torch.testing.assert_close(inputs["encoder_hidden_states"], empty[:1])

        given, empty, pooled, pooled_empty = sd3.encode_prompt(
            prompt=texts, prompt_2=None, prompt_3=None, do_classifier_free_guidance=True, max_sequence_length=length
        )
        conditions = models.load(sd3, **options("stable-diffusion-3")).conditions
        for condition, tokens, vector in ((texts, given, pooled), (None, empty[:1], pooled_empty[:1])):
            inputs = conditions.prepare(condition).inputs
            torch.testing.assert_close(inputs["encoder_hidden_states"], tokens)
            torch.testing.assert_close(inputs["pooled_projections"], vector)

        tokens, vector, _ = flux.encode_prompt(texts, None, max_sequence_length=length)
        inputs = models.load(flux, **options("flux")).conditions.prepare(texts).inputs
        torch.testing.assert_close(inputs["encoder_hidden_states"], tokens)
        torch.testing.assert_close(inputs["pooled_projections"], vector)


# --- what is not there, and what is something else


def test_a_missing_path_says_how_to_fetch_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"CompVis/x does not exist\. Nothing is downloaded here: .*\n  hf dow"):
        models.load("CompVis/x")
    with pytest.raises(FileNotFoundError, match=r"hf download .*nowhere --local-dir my-model\nand give the folder"):
        models.load(tmp_path / "nowhere")


def test_what_is_no_model_is_refused(tmp_path):
    for name in ("a.ckpt", "a.bin", "a.txt"):
        (tmp_path / name).write_bytes(b"x")
    for path in (tmp_path, tmp_path / "a.ckpt", tmp_path / "a.bin", tmp_path / "a.txt"):
        with pytest.raises(ValueError, match=r"was given; accepted are a diffusers folder \(model_index.json\)"):
            models.load(path)
    for thing in (3, None, torch.nn.Linear(2, 2), lambda x, t: x):
        with pytest.raises(ValueError, match=r"was given; accepted are a path, a pipeline object .* or a ScoreModel"):
            models.load(thing)


def test_options_that_are_none_are_refused(pipelines, folders):
    with pytest.raises(ValueError, match="guidance was given; StableDiffusionPipeline takes no further option"):
        models.load(pipelines[SD], guidance=2.0)
    with pytest.raises(ValueError, match="guidance was given; DDPMPipeline takes null_label"):
        models.load(folders / "ddpm", guidance=2.0)
    with pytest.raises(ValueError, match="null_label = 5 was given; the network has the labels 0 to 4"):
        models.load(pipelines["ddpm-labels"], null_label=5)
    with pytest.raises(ValueError, match="null_label = 0 was given; the network has no class embeddings"):
        models.load(pipelines["ddpm"], null_label=0)
    with pytest.raises(ValueError, match=r"latent_size = \(3, 4\) was given; accepted are even numbers"):
        models.load(pipelines["flux"], latent_size=(3, 4))


# --- optional packages


def test_importing_models_imports_no_optional_package():
    optional = ("diffusers", "transformers", "torchvision", "sklearn")
    assert run(f"import sys, plaplace.models; print([m for m in {optional} if m in sys.modules])").strip() == "[]"


@pytest.mark.parametrize(("package", "purpose"), [("diffusers", "DDPMPipeline folders"), ("transformers", "the text")])
def test_a_missing_package_says_how_to_install_it(package, purpose, folders, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    says = rf"{package} is needed for {purpose}.*; install it with: pip install 'plaplace\[diffusers\]'"
    with pytest.raises(ImportError, match=says):
        models.load(folders / ("ddpm" if package == "diffusers" else SD))


def test_a_table_of_a_scheduler_is_the_models_levels(pipelines):
    model = models.load(pipelines["ddim"])
    assert isinstance(model.levels, DiscreteLevels)
    assert model.levels[10].alpha == math.sqrt(float(pipelines["ddim"].scheduler.alphas_cumprod[10]))
