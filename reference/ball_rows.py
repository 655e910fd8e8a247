"""The table of ball means: each value by two routes, its condition number by differences of the first.

A value is given to `DIGITS` digits. For the radial cases they are proven by an enclosure; on circles and spheres two
resolutions of the rule agree to more digits than that, and so does the second route (see `ball_means`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from flint import arb, ctx

from reference import arcs, ball, ball_means, radial, tables
from reference.ball_cases import BallCase

__all__ = ["BALL_COLUMNS", "DIGITS", "ball_lines", "converged"]

DIGITS = 20
REQUIRED_AGREEMENT = 18
BALL_COLUMNS = (
    "case", "rule", "kind", "D", "K", "p", "radius", "value", "condition", "route", "digits", "sha256",
)  # fmt: skip

Vector = list[arb]
Rule = Callable[[int], Vector]


def converged(rule: Rule, sizes: Sequence[int], digits: int) -> tuple[Vector, int]:
    """The first rule that agrees with the one before it to that many digits, every p, and its size.

    Raises:
        ArithmeticError: none does.
    """
    previous = rule(sizes[0])
    for size in sizes[1:]:
        current = rule(size)
        if all(abs(new - old) < abs(new) * arb(10) ** -digits for new, old in zip(current, previous, strict=True)):
            return current, size
        previous = current
    raise ArithmeticError(f"two rules up to {sizes[-1]} points differ within {digits} digits")


def ball_lines(each: BallCase) -> list[list[str]]:
    """The rows of one ball."""
    with ctx.workprec(200):
        return _lines(each)


def _lines(each: BallCase) -> list[list[str]]:
    values, second, conditions, route = {"circle": _circle, "sphere": _sphere, "radial": _radial}[each.rule](each)
    case, lines = each.case, []
    for p, value, other, condition in zip(each.exponents, values, second, conditions, strict=True):
        digits = tables.agreement(ball.middle(value), other)
        if digits < REQUIRED_AGREEMENT:
            raise ArithmeticError(f"{case.name}, p = {p}: the routes agree on {digits} digits only")
        # a rule's ball proves the rule; rounding the midpoint is what its convergence to more digits allows
        text, cost = ball.decimal(value.mid(), DIGITS), ball.decimal(condition.mid(), 3)
        assert text is not None
        assert cost is not None
        start, about = tables.describe(case), [repr(p), repr(each.radius)]
        lines.append([start[0], each.rule, *start[2:5], *about, text, cost, route, str(digits), start[6]])
    return lines


def _circle(each: BallCase) -> tuple[Vector, list[object], Vector, str]:
    case, inputs, R = each.case, ball.numbers(each.case), arb(each.radius)

    def rule(N: int, numbers: Vector = inputs, radius: arb = R) -> Vector:
        return ball_means.circle(case, numbers, radius, each.exponents, N)

    values, N = converged(rule, [2**k for k in range(5, 16)], DIGITS + 4)
    second: list[object] = list(arcs.ball_means(case, each.radius, each.exponents))
    return values, second, _conditions(each, rule, max(32, N // 8)), "arcs"


def _sphere(each: BallCase) -> tuple[Vector, list[object], Vector, str]:
    case, inputs, R = each.case, ball.numbers(each.case), arb(each.radius)

    def rule(N: int, numbers: Vector = inputs, radius: arb = R) -> Vector:
        return ball_means.sphere(case, numbers, radius, each.exponents, N)

    values, _ = converged(rule, [8, 12, 18, 27, 40, 60, 90], DIGITS + 1)
    with ctx.workprec(128):
        volume = ball_means.volume(case, each.radius, each.exponents, 10 if each.radius < 0.2 else 12)
    return values, [_number(v) for v in volume], _conditions(each, rule, 8), "volume"


def _number(value: arb) -> object:
    from mpmath import mp, mpf

    middle = ball.middle(value)
    with mp.workdps(60):
        return mpf(middle.numerator) / middle.denominator


def _conditions(each: BallCase, rule: Callable[[int, Vector, arb], Vector], N: int) -> Vector:
    """`sum_j |a_j dv/da_j| / |v|` over the inputs and the radius, by one-sided differences at 60 digits.

    A rule an eighth as fine as the converged one has an eighth of its digits: three, enough here.
    """
    inputs, R, h = ball.numbers(each.case), arb(each.radius), arb(10) ** -25
    D = each.case.dimension
    base = rule(N, inputs, R)
    totals = [arb(0)] * len(base)
    # the direction of the case has no part in a ball mean
    for j in [*range(D), *range(2 * D, len(inputs)), None]:
        moved, radius = list(inputs), R
        if j is None:
            radius = R * (1 + h)
        else:
            moved[j] = inputs[j] * (1 + h)
            if inputs[j].is_zero():
                continue
        changed = rule(N, moved, radius)
        totals = [t + abs((new - old) / h / old) for t, new, old in zip(totals, changed, base, strict=True)]
    return totals


def _radial(each: BallCase) -> tuple[Vector, list[object], Vector, str]:
    case = each.case
    steps = [Fraction(float(x)) - Fraction(float(mu)) for x, mu in zip(case.point, case.means[0], strict=True)]
    squared = sum((step * step for step in steps), Fraction(0))
    a, R, variance = (
        (arb(squared.numerator) / squared.denominator).sqrt(),
        arb(each.radius),
        arb(float(case.covariance[0])),
    )
    values, second, conditions = [], [], []
    for p in each.exponents:
        value = ball_means.radial(case.dimension, a, R, variance, p)
        if ball.decimal(value, DIGITS) is None:
            raise ArithmeticError(f"{case.name}, p = {p}: the enclosure does not prove {DIGITS} digits")
        values.append(value)
        second.append(radial.ball_mean(case.dimension, squared, each.radius, float(case.covariance[0]), p))
        h = arb(10) ** -9
        by_R, by_a = (
            abs(ball_means.radial(case.dimension, a * (1 + i * h), R * (1 + j * h), variance, p) - value) / h
            for i, j in ((0, 1), (1, 0))
        )
        # da/dx_i = (x_i - mu_i)/a; the variance enters as its power 1 - p
        share = sum(
            (abs(Fraction(float(x))) + abs(Fraction(float(mu)))) * abs(step)
            for x, mu, step in zip(case.point, case.means[0], steps, strict=True)
        )
        by_centre = by_a * (arb(share.numerator) / share.denominator) / a**2 if squared else arb(0)
        conditions.append((by_R + by_centre) / abs(value) + abs(arb(p) - 1))
    return values, second, conditions, "hypergeometric"
