"""A scan's throughput, beside a bare loop over the same network on the same batches.

`python benchmarks/benchmarks/scan.py` prints the ratio; with `--ray`, that of two Ray workers to one.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from plaplace import networks
from plaplace.networks import UNet
from plaplace.networks.recipes import recipe
from plaplace.scan.options import Options
from plaplace.scan.setup import prepare
from plaplace.scan.work import Shard

torch.set_num_threads(1)


class Bench:
    """A scan of random images of 28 x 28 by a U-Net with random weights, and the bare loop of its network calls."""

    def __init__(self, folder, images, options=()):
        folder = Path(folder)
        network = UNet(recipe("unet-28").network, seed=0)
        networks.save(network, folder / "model")
        array = np.random.default_rng(0).integers(0, 256, (images + 20, 28, 28), dtype=np.uint8)
        np.save(folder / "images.npy", array[:images])
        np.save(folder / "reference.npy", array[images:])
        asked = Options(folder / "model", folder / "images.npy", folder / "scan", folder / "reference.npy",
                        **dict(options))  # fmt: skip
        self.scan = prepare(asked, lambda *_: None)
        self.work = self.scan.work(("images",))
        self.model = self.work.loader()
        self.shard = Shard("images", 0, 0, self.scan.settings.batch)

    def shards(self, number):
        size = self.scan.settings.batch
        return [Shard("images", i, i * size, (i + 1) * size) for i in range(number)]

    def scanned(self, shard):
        """Seconds of one batch, from the array to the rows."""
        start = time.process_time()
        self.work(shard)
        return time.process_time() - start

    def bare(self, shard):
        """Seconds of its network calls alone."""
        size, probings = shard.stop - shard.start, self.scan.settings.probings(self.model)
        points = [torch.randn(size * number, *self.model.shape) for _, number in probings]
        times = [torch.full((size * number,), level.t, dtype=torch.int64) for level, number in probings]
        start = time.process_time()
        with torch.no_grad():
            for x, t in zip(points, times, strict=True):
                self.model.call(x, t)
        return time.process_time() - start


def pairs(number):
    """Seconds of the bare loop and of the scan, a batch each, now the one first and now the other."""
    with tempfile.TemporaryDirectory() as folder:
        bench, found = Bench(folder, 20 * 30), []
        for index in range(number + 2):
            scanned = bench.scanned(bench.shard) if index % 2 else None
            bare = bench.bare(bench.shard)
            found.append((bare, scanned or bench.scanned(bench.shard)))
    return found[2:]  # the first ones warm the caches


class Throughput:
    timeout = 600

    def track_loss(self):
        bare, scanned = (sum(each) for each in zip(*pairs(7), strict=True))
        return 1 - bare / scanned

    track_loss.unit = "of the bare loop's throughput"


def workers(number, shards):
    """Images a second of that many Ray workers, from the first part that arrives to the last."""
    from plaplace.scan.engines.ray import map_ray

    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(folder, 20 * shards)
        arrived = [time.monotonic() for _ in map_ray(bench.work, bench.shards(shards), workers=number, threads=1)]
        return bench.scan.settings.batch * (len(arrived) - 2 * number) / (arrived[-1] - arrived[2 * number - 1])


if __name__ == "__main__" and "--ray" in sys.argv:
    for _ in range(2):
        one, two = workers(1, 24), workers(2, 48)
        print(f"one worker {one:.2f} images/s, two {two:.2f}: {two / one:.2f} times")
elif __name__ == "__main__":
    found = pairs(80)
    # two neighbours, one in each order
    ratios = sorted((a + c) / (b + d) for (a, b), (c, d) in zip(found[::2], found[1::2], strict=True))
    low, high = ratios[13], ratios[26]  # 95% interval of the median of 40, by its binomial ranks
    median = (ratios[19] + ratios[20]) / 2
    print(f"scan / bare loop: median {median:.4f} [{low:.4f}, {high:.4f}], {found[20][0]:.3f} s a batch")
