"""Training a score network by denoising score matching, in steps that can be interrupted between any two.

    run = start(q.sample, recipe("edm-mlp"), seed=0)
    advance(run)
    network, history = finish(run)

`train` does the three at once. All random numbers are drawn on the CPU from the run's own generator, so that a seed
means the same numbers on every device.

Sources of the settings: Kingma, Ba, "Adam" (2014), arXiv 1412.6980; the average of the weights, Karras et al. (2022),
arXiv 2206.00364, appendix F.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from plaplace.networks.evaluation import History, finish
from plaplace.networks.objective import Forward, Network, drop_labels, loss_at, num_classes, random_levels
from plaplace.networks.points import Batches, Sampler, checked_labels, checked_points, fingerprint
from plaplace.networks.recipes import DEFAULT_RECIPE, Recipe, build, recipe

__all__ = ["OnStep", "Run", "advance", "assemble", "start", "train"]

_SCALE_POINTS = 4096  # fresh points from which a sampler's centre and scale are taken


@dataclass
class Run:
    """A training under way: everything its next step depends on.

    Attributes:
        recipe, seed: what it was started with.
        network: with the raw weights, on the training device.
        average: a copy with the moving average of the weights: the result.
        optimizer: Adam, over the parameters of `network`.
        batches: where the points come from.
        generator: of every random number after the start, on the CPU.
        data_digest: of an array of points and its labels; "" for a sampler.
        losses: one a step; so `len(losses)` steps are done.
        forward: the network or its compiled twin.
    """

    recipe: Recipe
    seed: int
    network: Network
    average: Network
    optimizer: torch.optim.Adam
    batches: Batches
    generator: torch.Generator
    data_digest: str
    losses: list[float] = field(default_factory=list)
    forward: Forward | None = None

    @property
    def step(self) -> int:
        """Number of steps done."""
        return len(self.losses)

    @property
    def device(self) -> torch.device:
        """Where the network lives."""
        return next(self.network.parameters()).device


OnStep = Callable[[Run], bool | None]


def start(
    data: Sampler | Tensor,
    chosen: Recipe,
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
    compile_network: bool = False,
    labels: Tensor | None = None,
) -> Run:
    """A training before its first step.

    Args:
        data: a sampler `(n, generator) -> (n, *shape)`, such as a mixture's `sample`; or points (N, *shape).
        chosen: network and settings; `recipe(name)` gives one.
        seed: of the weights, the points, the noise and the levels.
        device: where the network is trained.
        compile_network: run it through `torch.compile`; the same to rounding, not to the bit.
        labels: (N,) whole numbers >= 0, of the points, for a class-conditional network; of an array only.

    Raises:
        ValueError: points that are not finite floats (N, *shape), or all the same; labels that do not fit.
    """
    generator = torch.Generator().manual_seed(seed)
    source: Sampler | Tensor
    if callable(data):
        if labels is not None:
            raise ValueError("labels were given with a sampler; accepted are labels of an array of points")
        points = checked_points(data(chosen.training.num_samples or _SCALE_POINTS, generator), "what the sampler drew")
        source = points if chosen.training.num_samples else data
    else:
        source = points = checked_points(data)
    classes = None if labels is None else checked_labels(labels, len(points))
    network = build(chosen, points, seed, classes).to(device)
    batches = Batches.of(source, chosen.training.batch_size, classes)
    digest = "" if callable(source) else fingerprint(points, classes)
    return assemble(chosen, seed, network, batches, generator, digest, compile_network)


def assemble(
    chosen: Recipe,
    seed: int,
    network: Network,
    batches: Batches,
    generator: torch.Generator,
    data_digest: str,
    compile_network: bool,
) -> Run:
    """A run from its parts, the average a copy of the network and the optimiser new."""
    average = copy.deepcopy(network).requires_grad_(False)
    # one fused call: for networks this small the step of a loop over parameters costs as much as the network
    optimizer = torch.optim.Adam(network.parameters(), lr=chosen.training.learning_rate, fused=True)
    forward = torch.compile(network) if compile_network else network
    return Run(chosen, seed, network, average, optimizer, batches, generator, data_digest, [], forward)


def advance(run: Run, on_step: OnStep | None = None) -> bool:
    """Train until the recipe's last step, or until `on_step` returns True; returns whether the last step was done.

    Args:
        run: changed in place.
        on_step: called after every step with the run, which it may save. This is where to stop: an exception from
            elsewhere, a KeyboardInterrupt included, may leave a half-done step.

    Raises:
        FloatingPointError: the loss is not finite.
    """
    while run.step < run.recipe.training.num_steps:
        _one_step(run)
        if on_step is not None and on_step(run):
            break
    return run.step >= run.recipe.training.num_steps


def _one_step(run: Run) -> None:
    settings, device = run.recipe.training, run.device
    x, labels = run.batches.draw(run.generator)
    level = random_levels(run.network, len(x), settings.p_mean, settings.p_std, run.generator)
    eps = torch.randn(x.shape, generator=run.generator, dtype=x.dtype)
    if labels is not None:
        labels = drop_labels(labels, settings.label_dropout, num_classes(run.network), run.generator).to(device)
    for group in run.optimizer.param_groups:
        group["lr"] = _learning_rate(run)
    run.optimizer.zero_grad()
    assert run.forward is not None
    loss = loss_at(run.network, run.forward, x.to(device), eps.to(device), level.to(device), labels).mean()
    loss.backward()
    value = float(loss.detach())
    if not math.isfinite(value):
        raise FloatingPointError(
            f"the loss of step {run.step} is {value}; try a smaller learning rate or check the data"
        )
    if settings.gradient_clip > 0:
        nn.utils.clip_grad_norm_(run.network.parameters(), settings.gradient_clip)
    run.optimizer.step()
    decay = min(settings.ema_decay, (1 + run.step) / (10 + run.step))
    update = torch.optim.swa_utils.get_ema_multi_avg_fn(decay)
    update(list(run.average.parameters()), list(run.network.parameters()), 0)
    run.losses.append(value)


def _learning_rate(run: Run) -> float:
    settings = run.recipe.training
    if settings.decay == "constant":
        return settings.learning_rate
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * run.step / settings.num_steps))


def train(
    data: Sampler | Tensor,
    name: str = DEFAULT_RECIPE,
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
    compile_network: bool = False,
    validation: Tensor | None = None,
    on_step: OnStep | None = None,
    labels: Tensor | None = None,
    validation_labels: Tensor | None = None,
    **changes: int | float | str | tuple[int, ...] | None,
) -> tuple[Network, History]:
    """Train a network of the recipe `name`, with `changes` to its settings; arguments and errors as `start`.

    >>> network, history = train(torch.randn(64, 2), num_steps=3, width=16, batch_size=8)
    >>> network.score(torch.zeros(5, 2), 0.5).shape, len(history.losses)
    (torch.Size([5, 2]), 3)
    """
    chosen = recipe(name, **changes)
    run = start(data, chosen, seed=seed, device=device, compile_network=compile_network, labels=labels)
    advance(run, on_step)
    return finish(run, validation, validation_labels=validation_labels)
