"""`import plaplace` in a fresh process."""

import subprocess
import sys

from .common import device

CODE = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"


def seconds(name):
    return float(subprocess.run([sys.executable, "-c", CODE.format(name)], check=True, capture_output=True).stdout)


class Import:
    timeout = 120

    def setup(self):
        device("cpu")

    def track_seconds(self):
        """Best of three, torch included."""
        return min(seconds("plaplace") for _ in range(3))

    track_seconds.unit = "seconds"
    track_seconds.noisy = True

    def track_multiple_of_torch(self):
        """Best of three over the best of three of `import torch`, in turn."""
        pairs = [(seconds("plaplace"), seconds("torch")) for _ in range(3)]
        ours, torch = (min(each) for each in zip(*pairs, strict=True))
        return ours / torch

    track_multiple_of_torch.unit = "times"
    track_multiple_of_torch.noisy = True
