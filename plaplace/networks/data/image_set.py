"""A set of images with what must be known of it: labels, origin, checksum."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from plaplace.networks.points import checked_points, fingerprint

__all__ = ["ImageSet"]

_CHUNK = 4096  # images resized at a time


@dataclass(frozen=True)
class ImageSet:
    """Images as they were read.

    Attributes:
        images: (N, C, H, W), uint8 from 0 to `white`, or float32 that is taken as it is. An array from a file may have
            other axes after the first.
        labels: (N,) int64, from 0; None without classes.
        name: what `image_set` was given.
        origin: where they come from, and their licence.
        white: the uint8 value that becomes 1.
        size: height and width after `resized`; 0 for those of the source.
        sha256: of images and labels as read, before any change of size.

    Raises:
        ValueError: labels that are not one whole number >= 0 an image.
    """

    images: Tensor
    labels: Tensor | None
    name: str
    origin: str
    white: int = 255
    size: int = 0
    sha256: str = ""

    def __post_init__(self) -> None:
        if self.labels is not None and (
            self.labels.dtype != torch.int64
            or self.labels.shape != self.images.shape[:1]
            or (len(self.labels) > 0 and int(self.labels.min()) < 0)
        ):
            raise ValueError(
                f"labels of {self.name} are {self.labels.dtype} of shape {tuple(self.labels.shape)} for "
                f"{len(self.images)} images; accepted is one whole number >= 0 an image"
            )
        if not self.sha256:
            object.__setattr__(self, "sha256", fingerprint(self.images, self.labels))

    def __len__(self) -> int:
        return len(self.images)

    def points(self, indices: Tensor | None = None) -> Tensor:
        """The images, or those at `indices`, as float32 points; uint8 is scaled to [-1, 1]. (N, C, H, W)

        >>> ImageSet(torch.tensor([[[[0, 255]]]], dtype=torch.uint8), None, "two pixels", "here").points()
        tensor([[[[-1.,  1.]]]])
        """
        images = self.images if indices is None else self.images[indices]
        if images.dtype == torch.uint8:
            images = images.float() / (self.white / 2) - 1
        return checked_points(images, self.name)

    def resized(self, size: int) -> ImageSet:
        """The same images of `size` x `size` pixels, each the mean over the area it covers; float32.

        Raises:
            ValueError: images that are not (N, C, H, H), or a size outside 1 .. H.
        """
        shape = tuple(self.images.shape[1:])
        if len(shape) != 3 or shape[1] != shape[2] or not 1 <= size <= shape[1]:
            raise ValueError(
                f"size = {size} was given for images of shape {shape}; accepted are square ones, and sizes up to theirs"
            )
        if size == shape[1]:
            return self
        rows = area_weights(shape[1], size)
        parts = [rows @ self.points(indices) @ rows.T for indices in torch.arange(len(self.images)).split(_CHUNK)]
        return replace(self, images=torch.cat(parts), size=size)


def area_weights(pixels: int, size: int) -> Tensor:
    """Weights W (size, pixels) of the mean over each of `size` equal parts of `pixels`; `W X W'` resizes X.

    >>> area_weights(3, 2)
    tensor([[0.6667, 0.3333, 0.0000],
            [0.0000, 0.3333, 0.6667]])
    """
    edges = torch.arange(size + 1, dtype=torch.float64) * pixels / size
    left = torch.arange(pixels, dtype=torch.float64)
    overlap = torch.minimum(edges[1:, None], left + 1) - torch.maximum(edges[:-1, None], left)
    return (overlap.clamp(min=0) * size / pixels).float()
