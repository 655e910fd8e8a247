"""A pipeline from a folder, with nothing in it trusted: no pickles, no code, no network.

What the folder may name is known beforehand: pipelines that have a builder, components of diffusers and transformers.
Weights are read from safetensors. A Python file in the folder is refused, not ignored: whoever put it there expects it
to run.
"""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

from plaplace.extras import quiet, require
from plaplace.models.pipelines.components import load_parts
from plaplace.models.pipelines.parts_of import IGNORED, PARTS

__all__ = ["INDEX", "check_folder", "load_pipeline"]

INDEX = "model_index.json"
_LIBRARIES = ("diffusers", "transformers")
_RUNS = ("auto_map", "quantization_config", "backbone", "use_pretrained_backbone", "base_model_name_or_path")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".msgpack", ".h5")
_LARGEST_INDEX = 1_000_000  # bytes


def load_pipeline(folder: Path, accepted: tuple[str, ...], trust_pickle: bool, variant: str | None = None) -> Any:
    """The pipeline object of a diffusers folder, its networks in float32.

    Args:
        folder: holds model_index.json.
        accepted: names of pipeline classes.
        trust_pickle: read weights from pickles where there are no safetensors.
        variant: of the weight files, such as "fp16" in diffusion_pytorch_model.fp16.safetensors.

    Raises:
        ValueError: another pipeline, a component of another library, a pickle, code, missing weights, or files that
            cannot be read.
        ImportError: diffusers, or transformers for a pipeline with a text encoder, is missing.
    """
    index = check_folder(folder, accepted, trust_pickle)
    diffusers = require("diffusers", "diffusers", f"{index['_class_name']} folders")
    libraries = {"diffusers": diffusers}
    if any(part[0] == "transformers" for part in index.values() if isinstance(part, list)):
        libraries["transformers"] = require("transformers", "diffusers", f"the texts of {index['_class_name']}")
    options: dict[str, Any] = {"local_files_only": True, "use_safetensors": None if trust_pickle else True}
    # what it needs; else it complains
    options["low_cpu_mem_usage"] = importlib.util.find_spec("accelerate") is not None
    if variant is not None:
        options["variant"] = variant
    try:
        with quiet(*libraries.values()):
            parts = load_parts(folder, index, libraries, options)
            kind = getattr(diffusers, index["_class_name"])
            if index["_class_name"] == "StableDiffusionPipeline":
                parts |= {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
            return kind(**parts)
    except ImportError:
        raise
    except Exception as error:  # whatever the libraries raise over a broken file
        raise ValueError(f"{folder} cannot be loaded as a {index['_class_name']}: {error}") from error


def check_folder(folder: Path, accepted: tuple[str, ...], trust_pickle: bool) -> dict[str, Any]:
    """The parsed model_index.json of a folder that holds nothing to be afraid of; errors as `load_pipeline`."""
    file = folder / INDEX
    try:
        if file.stat().st_size > _LARGEST_INDEX:
            raise ValueError(f"{file.stat().st_size} bytes")
        index = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{file} is not a readable {INDEX} ({error})") from error
    name = index.get("_class_name") if isinstance(index, dict) else None
    if name not in accepted:
        raise ValueError(f"{file} names the pipeline {name!r}; accepted are {', '.join(accepted)}")
    for root, folders, files in os.walk(folder):
        linked = [name for name in folders if (Path(root) / name).is_symlink()]
        code = [name for name in files if name.endswith((".py", ".pyc", ".so"))]
        if linked or code:
            name = (Path(root) / [*linked, *code][0]).relative_to(folder)
            what = "a link to another folder" if linked else "code"
            raise ValueError(
                f"{folder} has {what} in it ({name}); nothing from a model's folder is executed here, nor anything "
                "outside it read"
            )
    for part, described in index.items():
        if isinstance(described, list) and described != [None, None] and part not in IGNORED:
            _check_part(folder, part, described, PARTS[name], trust_pickle)
    return index


def _check_part(folder: Path, part: str, described: list[Any], parts: dict[str, Any], trust_pickle: bool) -> None:
    file = folder / INDEX
    if len(described) != 2 or not all(isinstance(name, str) for name in described):
        raise ValueError(f"{file}: {part} is {described}; accepted are a library and a class")
    if described[0] not in _LIBRARIES:
        raise ValueError(
            f"{file}: {part} is of {described[0]!r}; accepted are components of diffusers and transformers"
        )
    if part not in parts:
        raise ValueError(f"{file} has the part {part!r}; accepted are {', '.join(parts)}")
    library, classes = parts[part]
    if described[0] != library or (classes and described[1] not in classes):
        raise ValueError(
            f"{file}: {part} is {'.'.join(described)}; accepted is {library}.{' or '.join(classes) or '*'}"
        )
    for config in sorted((folder / part).glob("*.json")):
        if "index" not in config.name and config.name not in ("vocab.json", "tokenizer.json"):
            _check_config(config)
    if not trust_pickle:
        _check_weights(folder / part, folder)


def _check_config(file: Path) -> None:
    """Raise a ValueError for a configuration that asks the libraries to fetch or run something."""
    try:
        config = json.loads(file.read_text(encoding="utf-8")) if file.stat().st_size <= _LARGEST_INDEX else None
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{file} is not a readable configuration ({error})") from error
    if not isinstance(config, dict):
        raise ValueError(f"{file} is not a readable configuration of at most {_LARGEST_INDEX} bytes")
    asked = [key for key in _RUNS if config.get(key)]
    asked += [key for key in ("attn_implementation", "_attn_implementation") if "/" in str(config.get(key) or "")]
    if asked or file.name == "adapter_config.json":
        raise ValueError(
            f"{file} asks for {', '.join(asked) or 'an adapter'}; nothing that it names is fetched or run here"
        )


def _check_weights(part: Path, folder: Path) -> None:
    if not part.is_dir():
        return
    for file in part.glob("*safetensors.index*.json"):  # says in which files the weights are
        try:
            shards = set(json.loads(file.read_text(encoding="utf-8"))["weight_map"].values())
        except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{file} is not a readable index of weights ({error})") from error
        others = [shard for shard in shards if not str(shard).endswith(".safetensors")]
        if others:
            raise ValueError(f"{file} names {others[0]}; accepted are .safetensors files, or trust_pickle = True")
    if not any(part.glob("*.safetensors")):
        pickles = sorted(file for file in part.iterdir() if file.suffix in _PICKLES)
        if pickles:
            raise ValueError(
                f"{pickles[0].relative_to(folder)} is a pickle, which can run code when it is read; accepted are "
                ".safetensors files, or trust_pickle = True for a folder whose origin you trust"
            )
