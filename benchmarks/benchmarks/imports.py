"""The names of `plaplace`, and its command line, in a fresh process."""

import subprocess
import sys

from .common import device

CODE = "import time; start = time.perf_counter(); {}; print(time.perf_counter() - start)"
NAMES = "from plaplace import GaussianMixture, estimators, noise"  # the bare import loads nothing


def seconds(line):
    return float(subprocess.run([sys.executable, "-c", CODE.format(line)], check=True, capture_output=True).stdout)


class Import:
    timeout = 120

    def setup(self):
        device("cpu")

    def track_seconds(self):
        """Best of three, torch included."""
        return min(seconds(NAMES) for _ in range(3))

    track_seconds.unit = "seconds"
    track_seconds.noisy = True

    def track_multiple_of_torch(self):
        """Best of three over the best of three of `import torch`, in turn."""
        pairs = [(seconds(NAMES), seconds("import torch")) for _ in range(3)]
        ours, torch = (min(each) for each in zip(*pairs, strict=True))
        return ours / torch

    track_multiple_of_torch.unit = "times"
    track_multiple_of_torch.noisy = True

    def track_command_line(self):
        """Best of three: what `plaplace --help` waits for; without torch."""
        return min(seconds("import plaplace.cli") for _ in range(3))

    track_command_line.unit = "seconds"
    track_command_line.noisy = True
