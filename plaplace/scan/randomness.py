"""The random numbers of an image: from its key and the scan's seed, and from nothing else."""

from __future__ import annotations

import hashlib

__all__ = ["image_seed"]


def image_seed(key: str, seed: int, purpose: str = "") -> int:
    """63 bits of BLAKE2b of seed, purpose and key: other keys, seeds and purposes give independent numbers.

    >>> image_seed("a.png", 0), image_seed("a.png", 1) == image_seed("a.png", 0)
    (2712202376885815203, False)
    """
    text = f"{seed}\0{purpose}\0{key}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1
