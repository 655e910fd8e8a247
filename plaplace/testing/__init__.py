"""Closeness that knows its dtype, and the contract that every estimator keeps, applied to any callable.

from functools import partial
check_estimator(partial(sphere_flux, radius=0.3, num_directions=24), target="ball_mean", radius=0.3)
"""

from plaplace.testing.closeness import assert_close
from plaplace.testing.contract import Finding, check_estimator, contract
from plaplace.testing.problems import PROBLEMS, CountedScore, Problem

__all__ = ["PROBLEMS", "CountedScore", "Finding", "Problem", "assert_close", "check_estimator", "contract"]
