"""How a worker gets the model, and what says that it is the same model."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from plaplace import models
from plaplace.models import NetworkModel, ScoreModel

__all__ = ["Loader"]

_CHUNK = 2**22
_IGNORED = {".cache", ".git", "__pycache__"}  # of a folder: not the model's


@dataclass
class Loader:
    """A model to be loaded where it is needed; an object given in memory travels as it is.

    Attributes:
        source: what `models.load` takes.
        device: where it is to run; None for where it is, or the CPU.
        options: further ones of `models.load`.
        out: a folder that is not the model's, wherever it lies.
    """

    source: Any
    device: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    out: Path | None = None
    _path: Path | None = field(default=None, init=False, repr=False)
    _loaded: ScoreModel | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        if isinstance(self.source, (str, Path)):
            self._path = Path(self.source).absolute()  # a worker may run in another folder

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_loaded": None if self._path is not None else self._loaded}

    def __call__(self) -> ScoreModel:
        """The model, loaded once a process; errors of `models.load`."""
        if self._loaded is None:
            self._loaded = models.load(self._path or self.source, device=self.device, **self.options)
        return self._loaded

    @property
    def name(self) -> str:
        """For reports: the path as given, or the kind of object."""
        if self._path is not None:
            return str(self.source)
        return str(getattr(self(), "name", type(self.source).__name__))

    def sha256(self) -> str:
        """Of the files of a path, names and contents; of the tensors of a network in memory; "" for other objects."""
        found = hashlib.sha256()
        if self._path is not None:
            root = self._path
            for file in sorted(_files(root, self.out)):
                found.update(str(file.relative_to(root) if root.is_dir() else file.name).encode() + b"\0")
                with file.open("rb") as stream:
                    while chunk := stream.read(_CHUNK):
                        found.update(chunk)
            return found.hexdigest()
        model = self()
        call = model.call if isinstance(model, NetworkModel) else None
        if not isinstance(call, torch.nn.Module):
            return ""
        for name, tensor in sorted(call.state_dict().items()):
            found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            found.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        return found.hexdigest()


def _files(root: Path, out: Path | None) -> list[Path]:
    """Of a model: weights and configurations. What `plaplace train` keeps to resume, pictures and tables are not."""
    if root.is_file():
        return [root]
    files = [each for each in root.rglob("*") if each.is_file() and not _IGNORED & set(each.relative_to(root).parts)]
    if out is not None:
        files = [each for each in files if not each.resolve().is_relative_to(out.resolve())]
    return [each for each in files if each.suffix in (".safetensors", ".json", ".bin", ".txt", ".pt", ".model")
            and each.name not in ("training.safetensors", "training-data.json")]  # fmt: skip
