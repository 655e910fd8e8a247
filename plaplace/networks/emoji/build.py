"""From pictures to a pipeline folder: tokenizer, autoencoder, then text encoder and U-Net; stopped and resumed.

    FOLDER/training-data.json   which pictures, how many times each, which are held out (`data.read_manifest`)
    FOLDER/captions.json        caption and category of every picture of the set, by index
    FOLDER/training/            the two stages' states, to resume from
    FOLDER/model_index.json, vae/, text_encoder/, tokenizer/, unet/, scheduler/

The autoencoder sees every picture once, held-out ones too, so that it treats them all alike: what the model has
memorized is in text encoder and U-Net alone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from plaplace.networks.data import ImageSet, Manifest, plant, write_manifest
from plaplace.networks.emoji.losses import Latents, autoencoder_loss, diffusion_loss, encode
from plaplace.networks.emoji.parts import build_autoencoder, build_scheduler, build_text_encoder, build_unet
from plaplace.networks.emoji.pictures import SOURCE, Pictures
from plaplace.networks.emoji.pipeline import save_pipeline
from plaplace.networks.emoji.plan import Plan, plan_to_json
from plaplace.networks.emoji.stage import Loss, Stage, advance, load_stage, save_stage, start_stage
from plaplace.networks.emoji.tokenizer import build_tokenizer

__all__ = ["Built", "build"]

OnStep = Callable[[Stage], bool]  # returns whether to stop
_SAVE_EVERY = 60.0  # seconds: what a killed process loses at most


@dataclass(frozen=True)
class Built:
    """How a build ended.

    Attributes:
        complete: whether the pipeline is written.
        manifest: of the training pictures.
        losses: {"autoencoder": one a step, "diffusion": ..}, as far as they went.
    """

    complete: bool
    manifest: Manifest
    losses: dict[str, list[float]]


def build(
    folder: str | Path, pictures: Pictures, plan: Plan, seed: int, on_step: OnStep, resume: bool = False
) -> Built:
    """Build the pipeline, or go on building it.

    Args:
        folder: made when missing.
        pictures: what it learns.
        plan: networks, planted duplicates and training.
        seed: of the planting, the weights, and every random number of the training.
        on_step: called after every step; where it returns True the state is saved and the build ends, incomplete.
        resume: go on with the training in the folder; without one there, an error.

    Raises:
        ImportError: diffusers or transformers is missing.
        FileNotFoundError: nothing to resume.
        ValueError: a training is there already and `resume` is False, or it was started with something else; more
            duplicates than pictures.
        FloatingPointError: the loss is not finite.
    """
    root = Path(folder)
    states = {name: root / "training" / f"{name}.safetensors" for name in ("autoencoder", "diffusion")}
    if states["autoencoder"].is_file() and not resume:
        raise ValueError(f"{folder} holds a training already; accepted is another --out, or --resume to go on with it")
    if resume and not states["autoencoder"].is_file():
        raise FileNotFoundError(f"{folder} holds no training to resume; leave --resume out to start one")
    manifest = _planted(pictures, plan, seed)
    tokenizer = build_tokenizer(pictures.captions, plan.num_merges, plan.num_tokens)
    write_manifest(manifest, root)
    _write_captions(root / "captions.json", pictures)
    identity = {"seed": seed, "pictures": pictures.sha256, "plan": plan_to_json(plan)}

    first = _first_stage(pictures, plan, seed)
    loss = autoencoder_loss(pictures.images, plan.kl_weight)
    if not _run(first, loss, states["autoencoder"], identity, on_step):
        return Built(False, manifest, {"autoencoder": first.losses})
    vae: Any = first.average["vae"]
    latents = encode(vae, pictures.images, torch.tensor(manifest.indices))
    vae.register_to_config(scaling_factor=latents.scaling_factor)

    second = _second_stage(manifest, tokenizer, plan, seed)
    loss = _second_loss(latents, pictures, tokenizer, plan)
    complete = _run(second, loss, states["diffusion"], identity, on_step)
    if complete:
        save_pipeline(root, vae, second.average["text_encoder"], tokenizer, second.average["unet"])
    return Built(complete, manifest, {"autoencoder": first.losses, "diffusion": second.losses})


def _first_stage(pictures: Pictures, plan: Plan, seed: int) -> Stage:
    rows = torch.arange(len(pictures.captions))
    return start_stage("autoencoder", plan.autoencoder, {"vae": build_autoencoder(plan, seed)}, rows, 2 * seed)


def _second_stage(manifest: Manifest, tokenizer: Any, plan: Plan, seed: int) -> Stage:
    rows = torch.tensor(manifest.indices).repeat_interleave(torch.tensor(manifest.times))
    modules = {"text_encoder": build_text_encoder(plan, tokenizer, seed), "unet": build_unet(plan, seed)}
    return start_stage("diffusion", plan.diffusion, modules, rows, 2 * seed + 1)


def _second_loss(latents: Latents, pictures: Pictures, tokenizer: Any, plan: Plan) -> Loss:
    tokens, empty = (
        tokenizer(texts, padding="max_length", return_tensors="pt").input_ids for texts in (pictures.captions, [""])
    )
    return diffusion_loss(latents, tokens, empty[0], build_scheduler().alphas_cumprod, plan.caption_dropout)


def _planted(pictures: Pictures, plan: Plan, seed: int) -> Manifest:
    names = sorted(set(pictures.categories))
    labels = torch.tensor([names.index(category) for category in pictures.categories])
    images = ImageSet(pictures.images, labels, SOURCE, SOURCE, size=plan.size, sha256=pictures.sha256)
    return plant(images, len(images) - plan.held_out, dict(plan.times), plan.held_out, seed).manifest


def _write_captions(file: Path, pictures: Pictures) -> None:
    table = {"captions": pictures.captions, "categories": pictures.categories}
    file.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _run(stage: Stage, loss: Loss, state: Path, identity: dict[str, Any], on_step: OnStep) -> bool:
    if state.is_file():
        load_stage(stage, state, identity)
    saved = time.monotonic()

    def after(current: Stage) -> bool:
        nonlocal saved
        if time.monotonic() - saved > _SAVE_EVERY:
            save_stage(current, state, identity)
            saved = time.monotonic()
        return on_step(current)

    started_with = len(stage.losses)
    complete = advance(stage, loss, after)
    if len(stage.losses) > started_with:
        save_stage(stage, state, identity)
    return complete
