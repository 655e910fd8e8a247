"""One model with the images it is judged on, and what is known of each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from plaplace.models import Level, ScoreModel

__all__ = ["Bed", "Progress", "Task", "World", "silent", "task"]

Progress = Callable[[int, int], None]  # steps done, of how many
Task = tuple[frozenset[str], frozenset[str]]  # groups that count as memorized, groups that do not


def silent(done: int, total: int) -> None:
    """A progress that nobody sees."""


def task(positive: str, negative: str) -> dict[str, Task]:
    """The contrast of two groups, under its name.

    >>> task("x10", "held out")
    {'x10 / held out': (frozenset({'x10'}), frozenset({'held out'}))}
    """
    return {f"{positive} / {negative}": (frozenset({positive}), frozenset({negative}))}


@dataclass(frozen=True)
class Bed:
    """A model and its images.

    Attributes:
        world: name of its world.
        title: what it is, in plain English.
        seed: of the data, of the training and of everything else.
        step: of the training; 0 for a model that is not trained.
        model: what is judged.
        images: (B, *shape) clean points of the model's space.
        groups: B of them, what is known of each image, such as "x10", "held out", "member".
        null: (N, *shape) calibration images: of the law of the negatives, none of them judged or trained on.
        training: (M, *shape) the distinct training points.
        training_times: (M,) how often each was in the training array.
        level, levels: the main one and all at which images are probed, fixed beforehand.
        tasks: name -> groups to be told apart; the first is the main one.
        conditions, null_conditions: one an image, as the model takes them; None for an unconditional model.
        exact: "exact_p" -> (B,) the exact operator, inward, where it is known; other exact values by their names.
        rival_level: where the published estimator does best on development seeds; None where that was not looked for.
        copied: share of generated samples that are copies of a training point; None where not measured.

    Raises:
        ValueError: numbers of images, groups or conditions that do not match, or a task without images.
    """

    world: str
    title: str
    seed: int
    step: int
    model: ScoreModel
    images: Tensor
    groups: tuple[str, ...]
    null: Tensor
    training: Tensor
    training_times: Tensor
    level: Level
    levels: tuple[Level, ...]
    tasks: Mapping[str, Task]
    conditions: Any = None
    null_conditions: Any = None
    exact: Mapping[str, Tensor] = field(default_factory=dict)
    copied: float | None = None
    rival_level: Level | None = None

    def __post_init__(self) -> None:
        conditions = len(self.images) if self.conditions is None else len(self.conditions)
        nulls = len(self.null) if self.null_conditions is None else len(self.null_conditions)
        pairs = [
            ("groups", len(self.groups), len(self.images)),
            ("conditions", conditions, len(self.images)),
            ("null_conditions", nulls, len(self.null)),
            ("training_times", len(self.training_times), len(self.training)),
        ]
        for name, given, needed in pairs:
            if given != needed:
                raise ValueError(f"{given} {name} were given; accepted are {needed}, one an image")
        for name, sides in self.tasks.items():
            if any(side.isdisjoint(self.groups) for side in sides):
                raise ValueError(f"task {name!r} was given; accepted are tasks of groups there are: {set(self.groups)}")
        if self.level not in self.levels:
            raise ValueError(f"level = {self.level} was given; accepted is one of levels")


@dataclass(frozen=True)
class World:
    """A kind of bed whose truth is known.

    Attributes:
        name, title: for tables, and in plain English.
        seeds, quick_seeds: of a full and of a quick comparison.
        beds: (seed, quick, progress) -> the beds, one a checkpoint of one training, in the order of its steps.
        control: whether nothing should be found in it.
        main_steps: checkpoints at which everything is compared; the others are on the way there. () for all.
    """

    name: str
    title: str
    seeds: tuple[int, ...]
    quick_seeds: tuple[int, ...]
    beds: Callable[[int, bool, Progress], Iterator[Bed]]
    control: bool = False
    main_steps: tuple[int, ...] = ()

    def build(self, seed: int, quick: bool = False, progress: Progress = silent) -> Iterator[Bed]:
        """The beds of a seed; the same numbers whenever seed and quick are.

        Raises, at the first bed:
            FileNotFoundError, ImportError: a data set, a model or a package is missing; says what to do.
        """
        return self.beds(seed, quick, progress)
