"""`load`: a path or an object to a score model."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import torch

from plaplace.models.network_model import NetworkModel
from plaplace.models.own import NETWORK, from_own, load_own
from plaplace.models.pipelines import PIPELINES
from plaplace.models.pipelines.folder import INDEX, load_pipeline
from plaplace.models.precision import Precision
from plaplace.models.programs import SUFFIXES, load_program
from plaplace.models.protocol import ScoreModel
from plaplace.networks import Denoiser, EpsilonNetwork, UNet

__all__ = ["load"]

OWN_INDEX = "plaplace.json"


def load(
    source: Any,
    *,
    precision: Precision | None = None,
    device: torch.device | str | None = None,
    trust_pickle: bool = False,
    **options: Any,
) -> ScoreModel:
    """The score model of a local folder or file, or of an object.

    | source                                        | what it becomes                                             |
    |-----------------------------------------------|-------------------------------------------------------------|
    | folder with model_index.json                  | the diffusers pipeline in it: DDPM, DDIM, LDM, DiT, Stable  |
    |                                               | Diffusion 1, 2 and 3, Flux                                  |
    | such a pipeline object                        | the same                                                    |
    | folder or network.safetensors, plaplace train | that network                                                |
    | a network of `plaplace.networks`              | the same; it is frozen. Takes training, the settings it was |
    |                                               | trained with, where they were not the default ones          |
    | .pt, .ts, .pt2                                | TorchScript or exported program, with trust_pickle = True;  |
    |                                               | takes shape, levels, prediction as `from_network`           |
    | a ScoreModel                                  | itself                                                      |

    Args:
        source: one of these. A network without more goes through `from_epsilon` and its siblings, which ask for what a
            network does not say of itself.
        precision, device: how and where it runs.
        trust_pickle: read weights that are pickles and programs, both of which can run code.
        options: of the kind: variant of the weights of a folder ("fp16"); null_label for a `UNet2DModel` with class
            labels; latent_size, guidance for Flux; max_tokens for Stable Diffusion 3 and Flux.

    Raises:
        FileNotFoundError: no such path; nothing is ever downloaded.
        ValueError: what is there is none of these, or must not be trusted.
        ImportError: an optional package is missing; says what to install.
    """
    how = precision or Precision()
    if isinstance(source, (str, Path)):
        return _from_path(Path(source), how, device, trust_pickle, options)
    name = type(source).__name__
    if name in PIPELINES:
        return _from_pipeline(source, how, device, options)
    if isinstance(source, Denoiser | EpsilonNetwork | UNet):
        return from_own(source, how, device, **options)
    if isinstance(source, ScoreModel):
        return source
    raise ValueError(
        f"a {name} was given; accepted are a path, a pipeline object ({', '.join(PIPELINES)}) or a ScoreModel; a "
        "network alone goes through models.from_epsilon, from_v, from_sample, from_denoiser, from_velocity, from_score"
    )


def _from_path(
    path: Path, precision: Precision, device: torch.device | str | None, trust_pickle: bool, options: dict[str, Any]
) -> NetworkModel:
    if not path.exists():
        raise FileNotFoundError(
            f"{path} does not exist. Nothing is downloaded here: fetch a model first, for instance with\n"
            f"  hf download {path} --local-dir my-model\nand give the folder"
        )
    if (path / INDEX).is_file():
        pipeline = load_pipeline(path, tuple(PIPELINES), trust_pickle, options.pop("variant", None))
        return _from_pipeline(pipeline, precision, device, {**_own_options(path), **options})
    if (path / NETWORK).is_file() or path.suffix == ".safetensors":
        return load_own(path, precision, device, **options)
    if path.suffix in SUFFIXES:
        return load_program(path, trust_pickle, precision=precision, device=device, **options)
    raise ValueError(
        f"{path} was given; accepted are a diffusers folder ({INDEX}), a folder of plaplace train ({NETWORK}) and "
        f"files {', '.join(SUFFIXES)}"
    )


def _from_pipeline(
    pipeline: Any, precision: Precision, device: torch.device | str | None, options: dict[str, Any]
) -> NetworkModel:
    name = type(pipeline).__name__
    builder = PIPELINES[name]
    taken = [key for key in inspect.signature(builder).parameters if key not in ("pipeline", "precision", "device")]
    unknown = [key for key in options if key not in taken]
    if unknown:
        raise ValueError(f"{unknown[0]} was given; {name} takes {', '.join(taken) or 'no further option'}")
    return builder(pipeline, precision, device, **options)


def _own_options(folder: Path) -> dict[str, Any]:
    """What `plaplace train` says beside a pipeline that diffusers' format has no place for: the null label."""
    file = folder / OWN_INDEX
    if not file.is_file():
        return {}
    try:
        described = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise ValueError(f"{file} is not readable JSON ({error})") from error
    null = described.get("null_label") if isinstance(described, dict) else None
    if null is not None and type(null) is not int:
        raise ValueError(f"{file} has null_label = {null!r}; accepted is a whole number")
    return {} if null is None else {"null_label": null}
