"""The probe pass, its statistics, and what they find on the exact memorizer."""

import torch

from plaplace import memorization, models, networks
from plaplace.memorization import detection
from plaplace.memorization.worlds import WORLDS

from .common import DEVICES, Timed, device

# those that need the score alone: no condition, no training data
FREE = [
    name
    for name, each in memorization.statistics.items()
    if not each.conditional and not any(part.training for part in each.ingredients)
]


class Probe(Timed):
    """Eight images of 8 x 8 at one level, a denoiser with random weights."""

    params = [DEVICES]
    param_names = ["device"]

    def prepare(self, name):
        place = device(name)
        torch.manual_seed(0)
        self.images = torch.randn(8, 1, 8, 8).to(place)
        network = networks.start(self.images.cpu(), networks.recipe("image-mlp")).network
        self.model = models.load(network.eval().requires_grad_(False).to(place))
        self.level = self.model.levels.at(sigma=0.2)

    def probe(self, statistics):
        generator = torch.Generator().manual_seed(0)
        return memorization.probe(self.model, self.images, self.level, 16, generator, statistics=statistics)

    def time_sphere(self, name):
        """16 score calls, and the flux from them."""
        memorization.statistics["flux_1"](self.probe(["flux_1"]))

    def time_all_score_only_statistics(self, name):
        found = self.probe(FREE)
        for each in FREE:
            memorization.statistics[each](found)


class Memorizer:
    """1 - AUC of members against the population, seed 0, 16 directions; "exact_1" is the operator itself."""

    params = [
        ["memorizer", "memorizer-hard"],
        ["flux_1", "flux_2", "flux_3", "denoising_loss", "score_norm", "exact_1", "exact_2"],
    ]
    param_names = ["world", "statistic"]
    timeout = 120

    def setup(self, world, statistic):
        device("cpu")
        self.bed = next(WORLDS[world].build(seed=0))

    def track_one_minus_auc(self, world, statistic):
        bed = self.bed
        if statistic in bed.exact:
            scores = bed.exact[statistic]
        else:
            generator = torch.Generator().manual_seed(0)
            probes = memorization.probe(bed.model, bed.images, bed.level, 16, generator, statistics=[statistic])
            scores = memorization.statistics[statistic](probes)
        labels = torch.tensor([group == "member" for group in bed.groups])
        return 1 - float(detection.evaluate(scores, labels).auc.value)

    track_one_minus_auc.unit = "1 - AUC"
    track_one_minus_auc.slack = 0.005
