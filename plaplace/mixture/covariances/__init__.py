"""Covariance structures of a Gaussian mixture: what is special to each, and nothing else.

A structure holds K covariances `Sigma_k` with precisions `P_k = Sigma_k^-1`, always in float64, and answers in the
data type asked for with `to`. All of them offer the same (x below: one row a component, (K, N, D); n: points, (N, D)):

    solve(x)         P_k x, (K, N, D), and x'P_k x, (K, N)
    multiply(x)      Sigma_k x, (K, N, D)
    curvature(v)     v'P_k v, (K, N)
    tangential(n)    tr P_k - n'P_k n, (K, N), for unit vectors n and for n = 0, where it is tr P_k
    mean_precision(r)    sum_k r_k P_k, (N, D, D), for responsibilities r (K, N)
    trace            tr P_k, (K,)
    log_det          log det Sigma_k, (K,)
    noised(a, s)     the structure of a^2 Sigma_k + s^2 I
    color(z, k)      Sigma_k^(1/2) z for rows z ~ N(0, I) of components k: samples without their mean

None subtracts numbers of one sign where the structure offers a way around it: the tangential trace of a stiff
direction, and the residual of a low-rank projection, keep their digits.
"""

from plaplace.mixture.covariances.diagonal import Diagonal
from plaplace.mixture.covariances.full import Full
from plaplace.mixture.covariances.low_rank import LowRank
from plaplace.mixture.covariances.parse import Covariances, merge, parse
from plaplace.mixture.covariances.spherical import Spherical

__all__ = ["Covariances", "Diagonal", "Full", "LowRank", "Spherical", "merge", "parse"]
