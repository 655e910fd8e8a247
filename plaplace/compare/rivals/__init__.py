"""Speed beside rivals and floors: the exact core and the estimators, each contender timed in the same turns.

    python -m plaplace.compare.rivals --out DIR [--quick] [--case SLUG]

cases  mixtures and targets        floors  what the machine needs      exact, exact_jax  rivals of the exact core
networks  score networks           estimators, point_jacobian  rivals of the estimators
contest  one job, all who compete  sizing  on how many points      measure, table  the times, the table rivals.csv
"""
