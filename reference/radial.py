"""Second route for the radial ball means, in mpmath: the spherical mean of a power, differentiated in the radius.

With `r = |y - mu|`, `Delta_p u = -(D+p-2) r^(p-2) / v^(p-1)` for a Gaussian of variance v, and
`Delta r^p = p (D+p-2) r^(p-2)`. The mean of a Laplacian over a ball is (D/R) d/dR of the mean over its sphere, so

    ball mean = -(D/R) v^(1-p) / p  d/dR S(R),      S = m^p 2F1(-p/2, 1 - (D+p)/2; D/2; z),

m the larger and sqrt(z) m the smaller of a (the distance of the centre) and R.

Source: the spherical mean of a power by Gauss's hypergeometric function, Erdelyi et al., "Higher transcendental
functions" (1953), volume 1, section 2.4; DLMF 15.6.
"""

from __future__ import annotations

from fractions import Fraction

from mpmath import hyp2f1, mp, mpf

__all__ = ["ball_mean"]


def ball_mean(D: int, a_squared: Fraction, radius: float, variance: float, p: float, digits: int = 50) -> mpf:
    """The mean of `Delta_p u` over the ball, to about `digits` digits.

    >>> round(float(ball_mean(3, Fraction(0), 1.0, 1.0, 2.0)), 12)
    -3.0
    """
    with mp.workdps(digits + 20):
        D_, p_, R, v = mpf(D), mpf(p), mpf(radius), mpf(variance)
        a2 = mpf(a_squared.numerator) / a_squared.denominator
        A, B, C = -p_ / 2, 1 - (D_ + p_) / 2, D_ / 2
        inside = a2 < R**2
        z = a2 / R**2 if inside else R**2 / a2
        value, slope = hyp2f1(A, B, C, z), A * B / C * hyp2f1(A + 1, B + 1, C + 1, z)
        # d/dR [ R^p f(a^2/R^2) ] inside, d/dR [ a^p f(R^2/a^2) ] outside
        within = R ** (p_ - 1) * (p_ * value - 2 * z * slope)
        derivative = within if inside else a2 ** (p_ / 2) * slope * 2 * R / a2
        return -(D_ / R) * v ** (1 - p_) / p_ * derivative
