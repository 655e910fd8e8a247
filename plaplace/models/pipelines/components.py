"""Parts of a pipeline's folder, read one by one: nothing is left to a library's idea of where a part may come from.

The libraries fill a missing weight with random numbers and log a warning: the folder loads and its scores are nonsense.
Here it is an error.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from plaplace.models.pipelines.parts_of import OPTIONAL, PARTS, SCHEDULER

__all__ = ["load_parts"]


def load_parts(
    folder: Path, index: dict[str, Any], libraries: dict[str, ModuleType], options: dict[str, Any]
) -> dict[str, Any]:
    """Every part that model_index.json names, networks in float32; None for one it says is absent.

    Args:
        folder: of the pipeline.
        index: its parsed model_index.json, checked.
        libraries: that the classes come from, by name.
        options: of the networks' `from_pretrained`.

    Raises:
        ValueError: a class that its library does not have, or weights that are missing.
    """
    parts: dict[str, Any] = {}
    for part, accepted in PARTS[index["_class_name"]].items():
        described = index.get(part, [None, None])
        if described == [None, None]:
            if part not in OPTIONAL:
                raise ValueError(f"{part} is not there; accepted is a pipeline with all of its parts")
            parts[part] = None
            continue
        library, name = described
        kind = getattr(libraries[library], name, None)
        if accepted is SCHEDULER and not issubclass(kind or object, libraries["diffusers"].SchedulerMixin):
            raise ValueError(f"{part} is of the class {name!r}; accepted are schedulers of diffusers")
        if kind is None:
            raise ValueError(f"{part} is of the class {name!r}; {library} has none of this name")
        if issubclass(kind, nn.Module):
            parts[part] = _network(folder / part, kind, library, options)
        elif library == "transformers":
            parts[part] = kind.from_pretrained(folder / part, local_files_only=True, trust_remote_code=False)
        else:
            parts[part] = kind.from_pretrained(folder / part, local_files_only=True)
    return parts


def _network(folder: Path, kind: Any, library: str, options: dict[str, Any]) -> nn.Module:
    dtype = {"dtype" if library == "transformers" else "torch_dtype": torch.float32}
    network, info = kind.from_pretrained(folder, output_loading_info=True, **dtype, **options)
    missing = sorted(info["missing_keys"])
    if missing:
        raise ValueError(f"the weights of {folder.name} lack {missing[0]}, {len(missing)} in all")
    for tensor in (*network.parameters(), *network.buffers()):
        # off the file they are mapped from, where they lie at any byte: kernels round by the alignment
        tensor.data = tensor.data.clone()
    loaded: nn.Module = network
    return loaded
