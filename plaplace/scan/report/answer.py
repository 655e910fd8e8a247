"""The answer in words: the headline, the verdicts and their meaning, and what to do next."""

from __future__ import annotations

import math
from dataclasses import dataclass

from plaplace.compare.words import count, percent
from plaplace.scan.findings import Findings
from plaplace.scan.report.calibration import Calibration
from plaplace.scan.report.numbers import probability

__all__ = ["Share", "Step", "at_once", "headline", "reference_needed", "shares", "steps"]

LEAST = 0.004  # of the bar's width: one image of a million is seen


@dataclass(frozen=True)
class Share:
    """A part of the bar: the verdict, its images, its width and where it starts in per cent, and what it means."""

    verdict: str
    number: int
    width: float
    start: float
    meaning: str


@dataclass(frozen=True)
class Step:
    """What to do: the point in a few words, why, and the section (an id of the page) to go to."""

    point: str
    why: str
    section: str = ""


def reference_needed(scored: int, level: float) -> int:
    """Reference images that make a single discovery possible: the least N with `(N + 1) level >= scored`.

    >>> reference_needed(1400, 0.05)
    27999
    """
    return max(1, math.ceil(scored / level * (1 - 1e-12)) - 1)


def at_once(scored: int, level: float, num_reference: int) -> int:
    """How many images must score above all of the reference for any to be a discovery.

    >>> at_once(1400, 0.05, 999), at_once(1400, 0.05, 27999)
    (28, 1)
    """
    return max(1, math.ceil(scored / level / (num_reference + 1) * (1 - 1e-12)))


def headline(findings: Findings) -> str:
    """The answer in one line."""
    found, all_of_them = findings.verdicts.get("memorized", 0), count(findings.total, "image")
    if not findings.total:
        return "There was no image to scan"
    if findings.failed == findings.total:
        return f"Of {all_of_them}, none could be scored"
    if findings.reference is None:
        return f"{all_of_them} ranked, none judged: there is no reference"
    rate = f"(false discovery rate at most {percent(findings.level)})"
    if found:
        return f"{found:,} of {all_of_them} {'is' if found == 1 else 'are'} memorized {rate}"
    if not findings.verdicts.get("not", 0):
        return f"It cannot be told which of {all_of_them} are memorized {rate}"
    unclear = findings.verdicts.get("cannot tell", 0) - findings.failed
    above = f"; {unclear:,} {'scores' if unclear == 1 else 'score'} above the whole reference" if unclear else ""
    return f"None of {all_of_them} could be shown to be memorized {rate}{above}"


def shares(findings: Findings) -> list[Share]:
    """The verdicts whatever their numbers, in the order of the bar."""
    level = percent(findings.level)
    meanings = {
        "memorized": f"scores so far above the reference that, in the whole list, on average at most {level} are there "
        "by chance",
        "not": "not found at this false discovery rate, which is no proof of absence",
        "cannot tell": "has no score, or scores above every reference image, and more of those would be needed to say",
    }
    if findings.reference is None:
        meanings["cannot tell"] = "nothing was decided, for without a reference there is nothing to decide by"
    numbers = {verdict: findings.verdicts.get(verdict, 0) for verdict in meanings}
    widths = {verdict: max(number / findings.total, LEAST) if number else 0.0 for verdict, number in numbers.items()}
    parts, start = [], 0.0
    for verdict, meaning in meanings.items():
        width = 100 * widths[verdict] / (sum(widths.values()) or 1.0)
        parts.append(Share(verdict, numbers[verdict], width, start, meaning))
        start += width
    return parts


def steps(findings: Findings, calibration: Calibration | None) -> list[Step]:
    """What to do next, in the order to do it in; each follows from the numbers."""
    found, scored = findings.verdicts.get("memorized", 0), findings.total - findings.failed
    unclear = findings.verdicts.get("cannot tell", 0) - findings.failed
    done: list[Step] = []
    if findings.reference is None and scored:
        point = "Scan again with a reference"
        why = (
            "Images of the same kind that the model has not seen, given as --reference, turn ranks into p-values. "
            "Until then the highest ranked are the ones to look at, and no number says how many of them are memorized."
        )
        done.append(Step(point, why, "gallery" if findings.pictures else "tables"))
    if calibration is not None and calibration.state != "follows":
        word = "higher" if calibration.state == "inflated" else "lower"
        done.append(Step(f"Check the reference: the images score {word} as a whole", calibration.words, "calibration"))
    if found:
        chance = _about(findings.level * found)
        why = (
            "Compare each image with what the model makes of it from noise, and look for it, and for copies of it, in "
            f"the training data. Of {found:,}, {chance} may be on the list by chance on average."
        )
        point = "Look at the image that was found" if found == 1 else f"Look at the {found:,} images that were found"
        done.append(Step(point, why, "gallery" if findings.pictures else "tables"))
    if findings.reference is not None and scored:
        done += _reference_steps(findings, scored, found, unclear)
    if findings.failed:
        point = f"{count(findings.failed, 'image')} could not be scored"
        done.append(Step(point, "Nothing is known of them; they count as “cannot tell”.", "failures"))
    if not done:
        done.append(Step("Nothing has to be done", "No image stands out from the reference.", "calibration"))
    return done


def _reference_steps(findings: Findings, scored: int, found: int, unclear: int) -> list[Step]:
    """What a small reference leaves open."""
    number, level = findings.num_reference, findings.level
    done = []
    together = at_once(scored, level, number)
    if (number + 1) * level < 1 - 1e-12:
        why = (
            f"With {number:,} the least p-value is {probability(1 / (number + 1))}, above {percent(level)}: no image "
            f"can be found, whatever it scores. At least {reference_needed(1, level):,} are needed, and for a single "
            f"discovery among {scored:,} images {reference_needed(scored, level):,}."
        )
        done.append(Step("Use more reference images", why))
    elif together > 1 and (unclear or not found):
        chance = _about(scored / (number + 1))
        above = f"{count(unclear, 'image')} scored above the whole reference, where chance puts {chance}. " * (
            unclear > 0
        )
        why = (
            f"{above}With {number:,} reference images, anything is found only if {together:,} images or more score "
            f"above all of them at once. Single discoveries among {scored:,} images would need "
            f"{reference_needed(scored, level):,} reference images; twice as many halve the number that it takes."
        )
        point = "Use more reference images" if unclear else "Know what this scan could not have found"
        done.append(Step(point, why, "gallery" if unclear and findings.pictures else ""))
    if findings.num_reference_failed:
        point = f"{count(findings.num_reference_failed, 'reference image')} could not be scored"
        done.append(Step(point, "They were left out; if they differ from the rest, so does the reference."))
    return done


def _about(expected: float) -> str:
    """An expected number of images.

    >>> _about(0.4), _about(1234.5)
    ('less than one', 'about 1,234')
    """
    return "less than one" if expected < 1 else f"about {expected:,.0f}"
