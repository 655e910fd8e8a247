"""Ground truth by other means: certified values of every p-Laplacian that `plaplace` claims to know exactly.

    inputs, families, hard   the cases: mixtures and points, each number a float64, made deterministically
    rows                     which numbers are tabulated for a case
    ball, covariance         route one, ball arithmetic (python-flint): enclosures that prove the digits
    condition                what one rounding of each input costs, from the same enclosures
    flux, field              route two, mpmath: differences of the log-density and of the flux field, no Hessian formula
    ball_cases, ball_means   means over balls: enclosures or converged quadrature, by divergence and by volume
    arcs, radial             route two for them, mpmath
    tables, ball_rows        how a row is made of both routes; how tables are written and read back
    export                   what the package carries of the tables, with its inputs

Nothing here imports plaplace, and neither route imports the other. `python -m reference` writes the tables again, byte
for byte. A new case is one line in `families._catalogue` or `hard.catalogue`: its rows follow by themselves.
"""
