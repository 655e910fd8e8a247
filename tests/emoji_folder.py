"""A few synthetic emoji, laid out as the npm package lays them out, for the tests of `plaplace.networks.emoji`."""

import json
from dataclasses import replace

import numpy as np
from PIL import Image

from plaplace.networks import emoji

__all__ = ["TINY", "entry", "package", "small_package"]

TINY = replace(
    emoji.FULL,
    size=8,
    times=((5, 2),),
    held_out=3,
    num_merges=20,
    num_tokens=16,
    autoencoder_channels=(8, 8),
    text_width=16,
    text_layers=1,
    unet_channels=(8, 16),
    autoencoder=emoji.Settings(num_steps=6, batch_size=4, learning_rate=1e-3),
    diffusion=emoji.Settings(num_steps=7, batch_size=6, learning_rate=1e-3),
)


def entry(name, **changes):
    """One record of emoji.json, with no more in it than is read."""
    file = name.lower().replace(" ", "-")
    record = {"name": name, "category": "Objects", "image": f"{file}.png", "unified": "1F600", "has_img_google": True}
    return record | changes


def package(folder, entries, pixels=None):
    """Write emoji.json and a 64 x 64 RGBA picture an entry: `pixels[name]` (64, 64, 4), else one colour."""
    images = folder / "img" / "google" / "64"
    images.mkdir(parents=True, exist_ok=True)
    for number, each in enumerate(entries):
        colour = np.full((64, 64, 4), (40 * number % 256, 255 - 20 * number % 256, 90, 255), dtype=np.uint8)
        array = (pixels or {}).get(each["name"], colour)
        if (images / each["image"]).parent == images:
            Image.fromarray(array).save(images / each["image"])
    (folder / "emoji.json").write_text(json.dumps(entries))
    return folder


def small_package(folder, number=12):
    """`number` pictures of noise with names of two words, and their `Pictures` at the tiny plan's size."""
    noise = np.random.default_rng(0).integers(0, 256, (number, 64, 64, 4), dtype=np.uint8)
    entries = [entry(f"ROUND THING {chr(65 + index)}") for index in range(number)]
    package(folder, entries, {each["name"]: array for each, array in zip(entries, noise, strict=True)})
    return emoji.pictures(folder, TINY.size, sha256=None)
