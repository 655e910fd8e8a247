"""Networks of a pipeline's folder, read one by one, so that a weight that is missing is noticed.

The libraries fill a missing tensor with random numbers and log a warning: the folder loads and its scores are nonsense.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

__all__ = ["load_networks"]


def load_networks(
    folder: Path, index: dict[str, Any], libraries: dict[str, ModuleType], options: dict[str, Any]
) -> dict[str, nn.Module]:
    """Every network that model_index.json names, in float32, by the names of the parts.

    Args:
        folder: of the pipeline.
        index: its parsed model_index.json.
        libraries: that the classes come from, by name; parts of others are left out.
        options: of `from_pretrained`.

    Raises:
        ValueError: a part is of no class of its library, or weights are missing in its files.
    """
    networks: dict[str, nn.Module] = {}
    for part, described in index.items():
        if not isinstance(described, list) or described[0] not in libraries:
            continue
        library, name = described
        kind = getattr(libraries[library], name, None)
        if not isinstance(kind, type):
            raise ValueError(f"{part} is of the class {name!r}; {library} has none of this name")
        if issubclass(kind, nn.Module):
            networks[part] = _load(folder / part, kind, library, options)
    return networks


def _load(folder: Path, kind: Any, library: str, options: dict[str, Any]) -> nn.Module:
    dtype = {"dtype" if library == "transformers" else "torch_dtype": torch.float32}
    network, info = kind.from_pretrained(folder, output_loading_info=True, **dtype, **options)
    missing = sorted(info["missing_keys"])
    if missing:
        raise ValueError(f"the weights of {folder.name} lack {missing[0]}, {len(missing)} in all")
    for tensor in (*network.parameters(), *network.buffers()):
        # off the file they are mapped from, where they lie at any byte: kernels round by the alignment
        tensor.data = tensor.data.clone()
    return network
