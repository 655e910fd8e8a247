"""A model, images, and scans of them that nothing disturbed."""

from __future__ import annotations

import numpy as np
import pytest

from plaplace import networks
from tests.scan_faults.common import NUMBER, asked, digits, network, write_images
from tests.scan_processes import scan


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    """A network with random weights, 1,500 images in four kinds of source, and 200 for reference."""
    root = tmp_path_factory.mktemp("faults")
    networks.save(network(), root / "model")
    write_images(root, digits(NUMBER, 0))
    np.save(root / "reference.npy", digits(200, 1))
    return root


@pytest.fixture(scope="session")
def truth(root):
    """kind of source -> the folder of a scan that nothing disturbs."""
    known = {}

    def of(kind="images.npy"):
        if kind not in known:
            code, said = scan(asked(root, root / f"whole-{kind}", kind), root / "log", seconds=0.1)
            assert code == 0, said
            known[kind] = root / f"whole-{kind}"
        return known[kind]

    return of
