"""Adapters: what a score costs beside the bare call of the network it comes from.

`python benchmarks/benchmarks/models.py` prints the ratio.
"""

import statistics
import time

import torch

from plaplace import models

torch.set_num_threads(1)


def pairs(number=41):
    """Seconds of the bare call and of the score, interleaved, for a U-Net of 28 x 28 pixels, batch 8."""
    from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

    torch.manual_seed(0)
    network = UNet2DModel(
        sample_size=28,
        in_channels=1,
        out_channels=1,
        block_out_channels=(32, 64, 64),
        layers_per_block=1,
        norm_num_groups=8,
        down_block_types=("DownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
    ).eval()
    model = models.load(DDPMPipeline(network, DDPMScheduler()))
    x, level, t = torch.randn(8, 1, 28, 28), model.levels[50], torch.full((8,), 50)
    seconds = []
    with torch.no_grad():
        for index in range(number + 3):
            start = time.process_time()
            network(x, t, return_dict=False)
            middle = time.process_time()
            model.score(x, level)
            end = time.process_time()
            if index >= 3:  # the first calls warm the caches
                seconds.append((middle - start, end - middle))
    return seconds


class Adapter:
    timeout = 300

    def setup(self):
        try:
            import diffusers  # noqa: F401
        except ImportError:
            raise NotImplementedError from None

    def track_overhead(self):
        return statistics.median(score / bare for bare, score in pairs()) - 1

    track_overhead.unit = "of the bare call"


if __name__ == "__main__":
    ratios = sorted(score / bare for bare, score in pairs(101))
    low, high = ratios[40], ratios[60]  # 95% interval of the median of 101, by its binomial ranks
    print(f"score / bare call: median {ratios[50]:.4f} [{low:.4f}, {high:.4f}]")
