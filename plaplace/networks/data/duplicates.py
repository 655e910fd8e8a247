"""Training arrays with planted duplicates: images that a network sees many times, among others that it sees once.

What a network memorizes first is what it sees most often; with the number of times known, a statistic of memorization
can be judged. Held-out images, of the same classes and never seen, are the negatives.

Source of the idea: Somepalli et al., "Understanding and mitigating copying in diffusion models" (2023), arXiv
2305.20086.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from plaplace.networks.data.image_set import ImageSet
from plaplace.networks.data.manifest import Manifest
from plaplace.networks.data.sources import image_set
from plaplace.networks.points import fingerprint

__all__ = ["Planted", "plant", "rebuild"]


@dataclass(frozen=True)
class Planted:
    """A training array and what is held out of it.

    Attributes:
        points: (N, *shape) float32, each image as many times as the manifest says, one after the other.
        labels: (N,) int64; None without classes.
        held_out: (K, *shape), images that are not among the points.
        held_out_labels: (K,); None without classes.
        manifest: which images these are.
    """

    points: Tensor
    labels: Tensor | None
    held_out: Tensor
    held_out_labels: Tensor | None
    manifest: Manifest


def plant(
    images: ImageSet,
    num_train: int | None = None,
    duplicates: Mapping[int, int] | None = None,
    num_held_out: int = 1000,
    seed: int = 0,
    classes: Sequence[int] | None = None,
    duplicated_classes: Sequence[int] | None = None,
) -> Planted:
    """Choose training images at random, some of them to be there many times.

    Args:
        images: the set they come from.
        num_train: different images in training, the duplicated ones among them; None for all there are.
        duplicates: {times: how many images}; {50: 20} is 20 images 50 times each.
        num_held_out: images that stay out, at most; of the same classes, fewer where no more are left.
        seed: of the choice.
        classes: of the images that are there once, and of those held out; None for all.
        duplicated_classes: of the duplicated ones; None for `classes`.

    Raises:
        ValueError: a number below its range, more images than there are, or classes of a set without labels.

    >>> planted = plant(image_set("digits"), 1001, {100: 1}, classes=range(9), duplicated_classes=[9])
    >>> planted.points.shape, int(planted.labels[0]), int(planted.labels[100:].max())
    (torch.Size([1100, 1, 8, 8]), 9, 8)
    """
    plan = dict(duplicates or {})
    if any(times < 2 or count < 1 for times, count in plan.items()) or num_held_out < 0:
        raise ValueError(
            f"duplicates = {plan}, num_held_out = {num_held_out} were given; accepted are {{times >= 2: images >= 1}} "
            "and a number >= 0"
        )
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    often = _of_classes(order, images, classes if duplicated_classes is None else duplicated_classes)
    num_often = sum(plan.values())
    if num_often > len(often):
        raise ValueError(f"duplicates = {plan} was given; there are {len(often)} images to choose from")
    often = often[:num_often]
    once = _of_classes(order, images, classes)
    once = once[~torch.isin(once, often)]
    num_once = len(once) if num_train is None else num_train - num_often
    if not (0 <= num_once <= len(once) and num_once + num_often > 0):
        raise ValueError(
            f"num_train = {num_train} was given with {num_often} duplicated images; "
            f"accepted are numbers from {max(num_often, 1)} to {num_often + len(once)}"
        )
    held_out = once[num_once : num_once + num_held_out]
    times = [times for times, count in plan.items() for _ in range(count)] + [1] * num_once
    return _assemble(images, seed, torch.cat([often, once[:num_once]]), torch.tensor(times), held_out)


def rebuild(manifest: Manifest, images: ImageSet | None = None) -> Planted:
    """The same arrays again.

    Args:
        manifest: what `plant` or `read_manifest` gave.
        images: the set, where it is no longer to be found under the manifest's name.

    Raises:
        FileNotFoundError, ImportError: the set is not there.
        ValueError: another set, an index outside it, or another array than the manifest's.
    """
    if images is None:
        images = image_set(manifest.source, manifest.size or None)
    elif images.size != manifest.size:
        images = images.resized(manifest.size)
    if images.sha256 != manifest.sha256:
        raise ValueError(f"{images.name} has the SHA-256 {images.sha256}; the manifest's set has {manifest.sha256}")
    largest = max(manifest.indices + manifest.held_out)
    if largest >= len(images):
        raise ValueError(f"the manifest has the index {largest}; {images.name} has {len(images)} images")
    indices, times, held_out = (
        torch.tensor(each, dtype=torch.int64) for each in (manifest.indices, manifest.times, manifest.held_out)
    )
    planted = _assemble(images, manifest.seed, indices, times, held_out)
    if planted.manifest.digest != manifest.digest:
        raise ValueError(
            f"the training array has the SHA-256 {planted.manifest.digest}; the manifest's has {manifest.digest}"
        )
    return planted


def _of_classes(order: Tensor, images: ImageSet, classes: Sequence[int] | None) -> Tensor:
    if classes is None:
        return order
    if images.labels is None:
        raise ValueError(f"classes = {list(classes)} was given; {images.name} has no labels")
    return order[torch.isin(images.labels[order], torch.tensor(list(classes)))]


def _assemble(images: ImageSet, seed: int, indices: Tensor, times: Tensor, held_out: Tensor) -> Planted:
    rows = indices.repeat_interleave(times)
    labels = None if images.labels is None else images.labels[rows]
    points = images.points(rows)
    manifest = Manifest(
        images.name,
        images.sha256,
        images.size,
        seed,
        tuple(indices.tolist()),
        tuple(times.tolist()),
        tuple(held_out.tolist()),
        fingerprint(points, labels),
    )
    rest = images.images[:0].float() if len(held_out) == 0 else images.points(held_out)
    return Planted(points, labels, rest, None if images.labels is None else images.labels[held_out], manifest)
