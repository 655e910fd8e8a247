"""Names, colours, markers and dashes of detectors: the colour and marker say the statistic, the dash the probing."""

from __future__ import annotations

from plaplace.compare.names import Look

__all__ = ["ORACLES", "OURS", "called", "look_of", "rank", "spoken", "title_of"]

OURS = "profile"  # contenders.DETECTOR
ORACLES = ("nearest_neighbour", "nearest_ratio")  # they hold the training data

# statistic -> colour and marker, in the order of legends; others are grey
COLORS = {
    OURS: ("#0072B2", "D"),
    "flux_1": ("#D55E00", "o"),
    "flux_2": ("#CC79A7", "s"),
    "denoising_loss": ("#009E73", "^"),
    "sphere_norm": ("#8A6D00", "v"),
    "score_norm": ("#5B3A8C", "P"),
    "sima": ("#56B4E9", "X"),
    "displacement": ("#44AA99", "h"),
    "nearest_neighbour": ("#000000", "+"),
}
DASHES: dict[str, str | tuple[float, tuple[float, ...]]] = {
    "frame": "-",
    "iid": "--",
    "antithetic": "-.",
    "noised iid": (0.0, (1.0, 1.2)),
    "noised antithetic": (0.0, (6.0, 1.5, 1.0, 1.5)),
}
_WORDS = {"frame": "± frame", "antithetic": "antithetic pairs", "noised antithetic": "noised antithetic pairs"}


def title_of(statistic: str) -> str:
    """What a statistic is called; an unknown one stands for itself.

    >>> title_of("flux_1"), title_of("profile"), title_of("exact_2"), title_of("exact_score_norm")
    ('flux, p = 1', 'profile (ours)', 'exact p = 2', 'exact score norm')
    """
    from plaplace.memorization import statistics

    if statistic == OURS:
        return "profile (ours)"
    if statistic.startswith("exact_"):
        of = statistic.removeprefix("exact_")
        return f"exact p = {of}" if of[:1].isdigit() else f"exact {of.replace('_', ' ')}"
    if statistic.startswith("flux_") and statistic not in statistics:
        return f"flux, p = {statistic.removeprefix('flux_')}"
    return statistics[statistic].title if statistic in statistics else statistic


def called(statistic: str, probing: str, num_directions: float = 0) -> str:
    """A statistic with the way of probing and the number of directions, where it has any.

    >>> called("flux_1", "noised iid", 64), called("sima", "frame"), called("exact_1", "exact")
    ('flux, p = 1, noised iid, 64', 'SimA', 'exact p = 1')
    """
    number = f", {_WORDS.get(probing, probing)}, {int(num_directions)}" if num_directions > 0 else ""
    return title_of(statistic) + number


def spoken(contender: str) -> str:
    """The same of a contender of paired.csv, `statistic, probing, calls`.

    >>> spoken("flux_1, noised iid, 64"), spoken("sima, frame, 1")
    ('flux, p = 1, noised iid, 64 calls', 'SimA, ± frame, 1 call')
    """
    parts = contender.rsplit(", ", 2)
    if len(parts) != 3:
        return contender
    statistic, probing, calls = parts
    if probing == "exact":
        return title_of(statistic)
    return f"{title_of(statistic)}, {_WORDS.get(probing, probing)}, {calls} call{'' if calls == '1' else 's'}"


def look_of(statistic: str, probing: str, several: bool = True) -> Look:
    """How a line is drawn; with `several` its title says the probing."""
    color, marker = COLORS.get(statistic, ("#777777", "*"))
    title = title_of(statistic) + (f", {_WORDS.get(probing, probing)}" if several and probing != "exact" else "")
    return Look(title, color, marker, DASHES.get(probing, ":"), rank(statistic, probing))


def rank(statistic: str, probing: str) -> int:
    """Place in a legend: by statistic, then by probing; unknown ones after all others."""
    known, ways = list(COLORS), list(DASHES)
    first = known.index(statistic) if statistic in known else len(known)
    return first * 10 + (ways.index(probing) if probing in ways else len(ways))
