"""Building the emoji text-to-image pipeline: planting, resuming, the folder it ends in, the command."""

import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from plaplace.networks import data, emoji
from plaplace.networks.emoji import __main__ as command
from tests.emoji_folder import TINY, small_package

NEVER = 10**9


def stopping_after(steps):
    """An `on_step` that asks for a stop once `steps` of the whole build are done."""
    done = Counter()

    def on_step(stage):
        done["steps"] += 1
        return done["steps"] >= steps

    return on_step


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return small_package(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def built(tmp_path_factory, pictures):
    folder = tmp_path_factory.mktemp("built")
    return folder, emoji.build(folder, pictures, TINY, 3, stopping_after(NEVER))


def test_manifest_counts_what_was_planted(built, pictures):
    folder, outcome = built
    manifest = data.read_manifest(folder)
    assert manifest == outcome.manifest
    assert manifest.repeated() == {5: 2, 1: 12 - 2 - 3}
    assert sorted(manifest.indices + manifest.held_out) == list(range(12))
    assert (manifest.source, manifest.sha256, manifest.size) == ("emoji-datasource-google", pictures.sha256, 8)


def test_epochs_hold_every_row_as_often_as_the_manifest_says(tmp_path, pictures):
    seen, before = Counter(), 0
    plan = replace(TINY, diffusion=replace(TINY.diffusion, num_steps=3))  # 17 rows: batches of 6, 6, 5

    def on_step(stage):
        nonlocal before
        if stage.name == "diffusion":
            seen.update(stage.rows[stage.order[before : stage.position]].tolist())
            before = stage.position
        return False

    manifest = emoji.build(tmp_path, pictures, plan, 3, on_step).manifest
    assert seen == dict(zip(manifest.indices, manifest.times, strict=True))


@pytest.mark.parametrize("steps", [2, 6, 9], ids=["in the autoencoder", "at the seam", "in the diffusion"])
def test_resumed_build_equals_an_uninterrupted_one_to_the_bit(tmp_path, built, pictures, steps):
    folder, whole = built
    parts = emoji.build(tmp_path, pictures, TINY, 3, stopping_after(steps))
    assert not parts.complete and not (tmp_path / "model_index.json").exists()
    torch.manual_seed(99)  # the global state must not matter
    resumed = emoji.build(tmp_path, pictures, TINY, 3, stopping_after(NEVER), resume=True)
    assert resumed == whole
    files = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    assert len(files) >= 10
    for file in files:
        assert (tmp_path / file).read_bytes() == (folder / file).read_bytes(), file


def test_other_seed_or_pictures_are_not_resumed(tmp_path, pictures):
    with pytest.raises(FileNotFoundError, match="holds no training to resume"):
        emoji.build(tmp_path, pictures, TINY, 3, stopping_after(1), resume=True)
    emoji.build(tmp_path, pictures, TINY, 3, stopping_after(2))
    with pytest.raises(ValueError, match="holds a training already; accepted is another --out, or --resume"):
        emoji.build(tmp_path, pictures, TINY, 3, stopping_after(1))
    with pytest.raises(ValueError, match=r"seed = 4 was given, but the training of .* has 3"):
        emoji.build(tmp_path, pictures, TINY, 4, stopping_after(1), resume=True)
    with pytest.raises(ValueError, match="pictures = other was given"):
        emoji.build(tmp_path, replace(pictures, sha256="other"), TINY, 3, stopping_after(1), resume=True)


def test_building_leaves_the_global_random_state_alone(tmp_path, pictures):
    before = torch.random.get_rng_state()
    emoji.build(tmp_path, pictures, TINY, 0, stopping_after(7))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_folder_holds_the_averaged_weights(built):
    folder, _ = built
    state = load_file(folder / "training" / "diffusion.safetensors")
    saved = load_file(folder / "unet" / "diffusion_pytorch_model.safetensors")
    for name, tensor in saved.items():
        assert torch.equal(tensor, state[f"average.unet.{name}"]), name
    assert any(not torch.equal(tensor, state[f"modules.unet.{name}"]) for name, tensor in saved.items())


def test_folder_is_a_pipeline_that_samples_by_seed(built, capsys):
    folder, _ = built
    pipeline = emoji.load_pipeline(folder)
    assert capsys.readouterr() == ("", "")  # no progress bars, no advice
    assert type(pipeline).__name__ == "StableDiffusionPipeline"
    assert not [path for path in folder.rglob("*") if path.suffix in (".bin", ".pt", ".pkl", ".ckpt")]
    drawn = emoji.sample(pipeline, ["round thing a", "round thing b"], 2.0, 3, seed=5)
    assert drawn.shape == (2, 3, 8, 8) and bool(drawn.isfinite().all()) and float(drawn.abs().max()) <= 1
    torch.testing.assert_close(
        emoji.sample(pipeline, ["round thing b"], 2.0, 3, seed=6)[0], drawn[1], rtol=0, atol=1e-5
    )
    with pytest.raises(FileNotFoundError, match=r"has no model_index\.json"):
        emoji.load_pipeline(folder / "vae")


@pytest.mark.slow
def test_figures_and_tables(built, pictures):
    folder, outcome = built
    files = emoji.write_figures(folder, pictures, outcome.manifest, outcome.losses)
    assert [file.name for file in files] == [
        "loss.csv",
        "loss.png",
        "reconstructions.png",
        "samples.png",
        "copies.csv",
    ]
    assert len((folder / "loss.csv").read_text().splitlines()) == 1 + 6 + 7
    groups = Counter(line.split(",")[2] for line in (folder / "copies.csv").read_text().splitlines()[1:])
    assert groups == {"5 times": 2, "once": 7, "held out": 3}


_FORWARD = """
import sys, torch
torch.set_num_threads(1)
from diffusers import StableDiffusionPipeline
pipeline = StableDiffusionPipeline.from_pretrained(sys.argv[1], local_files_only=True)
tokens = pipeline.tokenizer(["round thing c"], padding="max_length", return_tensors="pt").input_ids
x = torch.linspace(-2, 2, 64).reshape(1, 4, 4, 4)
with torch.no_grad():
    out = pipeline.unet(x, torch.tensor([500]), pipeline.text_encoder(tokens).last_hidden_state).sample
print("bits", out.flatten().view(torch.int32).tolist())
"""


@pytest.mark.slow
def test_fresh_process_without_a_network_computes_the_same_bits(built):
    folder, _ = built
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", _FORWARD, str(folder)]
    done = subprocess.run(command, env=offline, capture_output=True, text=True, check=True)
    pipeline = emoji.load_pipeline(folder)
    tokens = pipeline.tokenizer(["round thing c"], padding="max_length", return_tensors="pt").input_ids
    x = torch.linspace(-2, 2, 64).reshape(1, 4, 4, 4)
    with torch.no_grad():
        out = pipeline.unet(x, torch.tensor([500]), pipeline.text_encoder(tokens).last_hidden_state).sample
    assert f"bits {out.flatten().view(torch.int32).tolist()}" in done.stdout


# command line


def test_command_says_what_is_wrong(tmp_path, pictures, capsys):
    out = str(tmp_path / "out")
    assert command.main(["--pictures", str(tmp_path / "none"), "--out", out]) == 1
    assert "emoji.json does not exist; `make emoji` fetches the pictures" in capsys.readouterr().err
    small_package(tmp_path / "package")
    assert command.main(["--pictures", str(tmp_path / "package"), "--out", out]) == 1
    assert f"accepted is {emoji.GOOGLE_16}" in capsys.readouterr().err
    options = ["--sha256", pictures.sha256, "--quick"]
    assert command.main(["--pictures", str(tmp_path / "package"), "--out", out, *options]) == 1
    assert capsys.readouterr().err.startswith("error: ")  # fewer pictures than are to be duplicated


@pytest.mark.slow
def test_command_stops_at_ctrl_c_and_goes_on(tmp_path, pictures, capsys, monkeypatch):
    small_package(tmp_path / "package")
    out = tmp_path / "out"
    options = ["--pictures", str(tmp_path / "package"), "--out", str(out), "--sha256", pictures.sha256]
    monkeypatch.setattr(command, "FULL", TINY)
    with monkeypatch.context() as interrupted:
        interrupted.setattr(command, "_progress", lambda: lambda stage: bool(signal.raise_signal(signal.SIGINT)))
        assert command.main(options) == 130
    assert f"stopped; --resume goes on with {out}" in capsys.readouterr().err
    assert command.main([*options, "--resume"]) == 0
    captured = capsys.readouterr()
    assert "diffusion 7/7  loss" in captured.err
    assert [line for line in captured.out.splitlines() if line.endswith("samples.png")]
    assert len((out / "loss.csv").read_text().splitlines()) == 1 + 6 + 7
