"""Test beds for memorization: models whose truth is known, with images of which it is known what the model saw.

    >>> from plaplace.memorization.worlds import WORLDS
    >>> bed = next(WORLDS["memorizer"].build(seed=0, quick=True))
    >>> len(bed.images), sorted(set(bed.groups)), list(bed.tasks)
    (80, ['member', 'population'], ['member / population'])

A world builds its beds from a seed, one a checkpoint of a training; `quick` is the same at a size of seconds. Settings
and levels were chosen on seeds from 100 on, which no world's own seeds are among; of the 1,797 digits every seed takes
some.
"""

from plaplace.memorization.worlds.bed import Bed, Progress, Task, World
from plaplace.memorization.worlds.classes import CLASSES
from plaplace.memorization.worlds.clean import CLEAN
from plaplace.memorization.worlds.digits import DIGITS
from plaplace.memorization.worlds.emoji import emoji_worlds
from plaplace.memorization.worlds.fashion import FASHION_14, FASHION_28
from plaplace.memorization.worlds.membership import MEMBERSHIP
from plaplace.memorization.worlds.memorizer import HARD, MEMORIZER
from plaplace.memorization.worlds.private import PRIVATE

__all__ = ["WORLDS", "Bed", "Progress", "Task", "World", "emoji_worlds"]

_ALL = (
    MEMORIZER,
    HARD,
    MEMBERSHIP,
    DIGITS,
    FASHION_14,
    FASHION_28,
    CLASSES,
    *emoji_worlds(),
    PRIVATE,
    CLEAN,
)
WORLDS: dict[str, World] = {each.name: each for each in _ALL}
