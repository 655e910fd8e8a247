"""Nothing in a model's folder is executed, and what is broken in it is a sentence."""

import json
import os

import pytest
import torch
from safetensors.torch import load_file, save_file

from plaplace import models
from plaplace.models import Labels
from tests.small_networks import generator

tiny_pipelines = pytest.importorskip("tests.tiny_pipelines")


@pytest.fixture(scope="module")
def pipeline():
    return tiny_pipelines.stable_diffusion()


@pytest.fixture
def folder(pipeline, tmp_path):
    """A folder to spoil."""
    pipeline.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def change(file, **entries):
    file.write_text(json.dumps({**json.loads(file.read_text()), **entries}))


# --- files that are none


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", r"is not a readable model_index.json \(Expecting value"),
        (b"{", "is not a readable model_index.json"),
        (b"\xff\xfe{}", "is not a readable model_index.json .*utf-8"),
        (b" " * 1_000_001, r"is not a readable model_index.json \(1000001 bytes\)"),
        (b"[" * 100_000, "is not a readable model_index.json .*recursion"),
        (b"[]", "names the pipeline None; accepted are DDPMPipeline, "),
        (b"3", "names the pipeline None"),
        (b'{"_class_name": "AudioLDMPipeline"}', "names the pipeline 'AudioLDMPipeline'; accepted are DDPMPipeline"),
        (b'{"_class_name": ["DDPMPipeline"]}', "names the pipeline"),
        (
            b'{"_class_name": "DDPMPipeline", "unet": ["os", "system"]}',
            "unet is of 'os'; accepted are components of di",
        ),
        (b'{"_class_name": "DDPMPipeline", "unet": ["my_code", "UNet"]}', "unet is of 'my_code'"),
        (b'{"_class_name": "DDPMPipeline", "unet": [{"a": 1}, "U"]}', "unet is .*; accepted are a library and a class"),
        (b'{"_class_name": "DDPMPipeline", "unet": ["diffusers", ["U"]]}', "accepted are a library and a class"),
        (b'{"_class_name": "DDPMPipeline", "unet": ["diffusers"]}', "accepted are a library and a class"),
        (b'{"_class_name": "DDPMPipeline", "unet": []}', "accepted are a library and a class"),
    ],
    ids=range(15),
)
def test_an_index_that_is_none_is_refused(data, says, tmp_path):
    (tmp_path / "model_index.json").write_bytes(data)
    with pytest.raises(ValueError, match=says):
        models.load(tmp_path)


@pytest.mark.parametrize(
    "entries",
    [
        {"unet": [None, None]},
        {"unet": ["diffusers", "NoSuchNetwork"]},
        {"tokenizer": ["transformers", "AutoTokenizer"]},
        {"_class_name": "FluxPipeline"},
    ],
    ids=str,
)
def test_components_that_do_not_fit_are_refused(entries, folder):
    change(folder / "model_index.json", **entries)
    with pytest.raises(ValueError, match=r"cannot be loaded as a|; accepted is |; accepted are "):
        models.load(folder)


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]"])
@pytest.mark.parametrize(
    "file",
    [
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
        "text_encoder/model.safetensors",
        "tokenizer/tokenizer.json",
        "scheduler/scheduler_config.json",
    ],
)
def test_a_broken_file_is_a_sentence(file, data, folder):
    (folder / file).write_bytes(data)
    with pytest.raises(
        ValueError, match=r"model cannot be loaded as a StableDiffusionPipeline: |is not a readable configuration"
    ):
        models.load(folder)


def test_the_null_label_is_read_from_plaplace_json(tmp_path):
    # what plaplace train writes beside a class-conditional U-Net
    tiny_pipelines.ddpm(labels=5).save_pretrained(tmp_path / "model")
    said = tmp_path / "model" / "plaplace.json"
    said.write_text('{"null_label": 4}')
    assert models.load(tmp_path / "model").conditions == Labels(4, null=4)
    assert models.load(tmp_path / "model", null_label=0).conditions == Labels(5, null=0)
    for text, says in (
        ('{"null_label": "4"}', "plaplace.json has null_label = '4'; accepted is a whole number"),
        ('{"null_label": [4]}', r"has null_label = \[4\]"),
        ('{"null_label": true}', "has null_label = True"),
        ("{", "plaplace.json is not readable JSON"),
    ):
        said.write_text(text)
        with pytest.raises(ValueError, match=says):
            models.load(tmp_path / "model")
    said.write_text("{}")
    assert models.load(tmp_path / "model").conditions == Labels(5, null=None)


# --- nothing in a folder is executed


class Trap:
    """A pickle that leaves a file behind when it is read."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return os.system, (f"touch {self.file}",)


WEIGHTS = {
    "unet": ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin"),
    "vae": ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin"),
    "text_encoder": ("model.safetensors", "pytorch_model.bin"),
}


@pytest.mark.parametrize("part", WEIGHTS)
def test_pickles_are_read_only_when_trusted(part, folder, pipeline):
    safe, pickled = WEIGHTS[part]
    torch.save(load_file(folder / part / safe), folder / part / pickled)
    (folder / part / safe).unlink()
    with pytest.raises(ValueError, match=f"{part}/{pickled} is a pickle, .* accepted are .safetensors files, or trust"):
        models.load(folder)
    x = torch.randn(1, 4, 4, 4, generator=generator(1))
    loaded, here = models.load(folder, trust_pickle=True), models.load(pipeline)
    assert torch.equal(loaded.score(x, 300, "a cat"), here.score(x, 300, "a cat"))


@pytest.mark.parametrize("part", WEIGHTS)
def test_a_pickle_behind_other_safetensors_is_not_read(part, folder, tmp_path):
    safe, pickled = WEIGHTS[part]
    (folder / part / safe).rename(folder / part / "decoy.safetensors")
    torch.save({"a": Trap(tmp_path / "executed")}, folder / part / pickled)
    with pytest.raises(ValueError, match="no file named"):
        models.load(folder)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("part", WEIGHTS)
def test_an_index_of_weights_that_names_a_pickle_is_refused(part, folder):
    safe, _ = WEIGHTS[part]
    weights = load_file(folder / part / safe)
    torch.save(weights, folder / part / "shard.bin")
    (folder / part / safe).rename(folder / part / "decoy.safetensors")
    index = folder / part / f"{safe}.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": dict.fromkeys(weights, "shard.bin")}))
    with pytest.raises(ValueError, match=r"index.json names shard.bin; accepted are .safetensors files"):
        models.load(folder)
    for broken in ("[]", "{", '{"weight_map": 3}'):
        index.write_text(broken)
        with pytest.raises(ValueError, match="is not a readable index of weights"):
            models.load(folder)


@pytest.mark.parametrize("part", WEIGHTS)
def test_missing_weights_are_noticed(part, folder):
    file = folder / part / WEIGHTS[part][0]
    weights = load_file(file)
    name = sorted(weights)[0]
    save_file({key: value for key, value in weights.items() if key != name}, file, metadata={"format": "pt"})
    with pytest.raises(ValueError, match=f"cannot be loaded as a StableDiffusionPipeline: the weights of {part} lack"):
        models.load(folder)


def test_sharded_safetensors_are_read(folder, pipeline):
    part, safe = folder / "unet", WEIGHTS["unet"][0]
    weights = load_file(part / safe)
    (part / safe).unlink()
    shards = {"one.safetensors": list(weights)[::2], "two.safetensors": list(weights)[1::2]}
    for name, keys in shards.items():
        save_file({key: weights[key] for key in keys}, part / name, metadata={"format": "pt"})
    size = sum(w.nbytes for w in weights.values())
    where = {key: name for name, keys in shards.items() for key in keys}
    (part / f"{safe}.index.json").write_text(json.dumps({"metadata": {"total_size": size}, "weight_map": where}))
    x = torch.randn(1, 4, 4, 4, generator=generator(1))
    assert torch.equal(models.load(folder).score(x, 300, "cat"), models.load(pipeline).score(x, 300, "cat"))


@pytest.mark.parametrize("file", ["pipeline.py", "unet/my_unet.py", "a/b/c.py"])
def test_code_in_a_folder_is_refused(file, folder):
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text("raise SystemExit")
    with pytest.raises(
        ValueError, match=f"has code in it \\({file}\\); nothing from a model's folder is executed here"
    ):
        models.load(folder)
    with pytest.raises(ValueError, match="has code in it"):  # trusted weights are not trusted code
        models.load(folder, trust_pickle=True)


def test_a_safety_checker_is_not_loaded(folder, pipeline):
    change(folder / "model_index.json", safety_checker=["stable_diffusion", "StableDiffusionSafetyChecker"])
    x = torch.ones(1, 4, 4, 4)
    assert torch.equal(models.load(folder).score(x, 5, "cat"), models.load(pipeline).score(x, 5, "cat"))


@pytest.mark.parametrize(
    ("part", "described"),
    [
        ("tokenizer", ["transformers", "TrOCRProcessor"]),
        ("text_encoder", ["transformers", "DetrModel"]),
        ("unet", ["diffusers", "StableDiffusionPipeline"]),
        ("scheduler", ["diffusers", "UNet2DModel"]),
        ("../elsewhere", ["diffusers", "UNet2DModel"]),
        ("another", ["transformers", "CLIPTextModel"]),
    ],
    ids=str,
)
def test_only_the_parts_and_classes_of_a_pipeline_are_loaded(part, described, folder):
    change(folder / "model_index.json", **{part: described})
    with pytest.raises(ValueError, match=r"; accepted is |; accepted are "):
        models.load(folder)


@pytest.mark.parametrize(
    ("file", "entry"),
    [
        ("tokenizer/tokenizer_config.json", {"auto_map": {"AutoTokenizer": "/elsewhere--tok.Tok"}}),
        ("text_encoder/config.json", {"_attn_implementation": "kernels-community/flash-attn2"}),
        ("text_encoder/config.json", {"use_pretrained_backbone": True}),
        ("unet/config.json", {"quantization_config": {"quant_method": "bitsandbytes"}}),
    ],
    ids=str,
)
def test_a_configuration_that_fetches_or_runs_is_refused(file, entry, folder):
    change(folder / file, **entry)
    with pytest.raises(ValueError, match="nothing that it names is fetched or run here"):
        models.load(folder, trust_pickle=True)


def test_a_link_to_another_folder_is_refused(folder, tmp_path):
    (folder / "tokenizer").rename(tmp_path / "outside")
    (folder / "tokenizer").symlink_to(tmp_path / "outside")
    with pytest.raises(ValueError, match=r"has a link to another folder in it \(tokenizer\)"):
        models.load(folder)


def test_parts_that_judge_pictures_are_left_where_they_are(folder):
    change(folder / "model_index.json", feature_extractor=["transformers", "AnyProcessor"])
    assert models.load(folder).shape == (4, 4, 4)
