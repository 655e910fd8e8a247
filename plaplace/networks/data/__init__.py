"""Image sets by name or from files, and training arrays with planted duplicates.

    >>> from plaplace.networks import data
    >>> digits = data.image_set("digits")                                # 1,797 of 8 x 8
    >>> planted = data.plant(digits, num_train=400, duplicates={30: 20})  # 20 images 30 times, 380 once
    >>> planted.points.shape, len(planted.held_out)
    (torch.Size([980, 1, 8, 8]), 1000)

`IMAGE_SETS` names the sets, each with origin, licence and SHA-256. The manifest says which image is in the training
array how many times; it travels with the checkpoint, and `rebuild` makes the same array of it.
"""

from plaplace.networks.data.duplicates import Planted, plant, rebuild
from plaplace.networks.data.image_set import ImageSet
from plaplace.networks.data.manifest import MANIFEST_NAME, Manifest, read_manifest, write_manifest
from plaplace.networks.data.pictures import write_pictures
from plaplace.networks.data.sources import IMAGE_SETS, image_set

__all__ = [
    "IMAGE_SETS",
    "MANIFEST_NAME",
    "ImageSet",
    "Manifest",
    "Planted",
    "image_set",
    "plant",
    "read_manifest",
    "rebuild",
    "write_manifest",
    "write_pictures",
]
