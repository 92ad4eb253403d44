"""The tail of the normal distribution, which NumPy lacks: what GELU is made of."""

import math

import numpy as np

from mlp.arrays import Array

ROOT_TWO_PI = math.sqrt(2 * math.pi)

# By type: k, then a and b of t = a·d + b, then the polynomial's coefficients, highest power first.
# It interpolates Φ(−u) e^(u²/2) (u + k) at the Chebyshev nodes of 0 ≤ u ≤ 15 and 39, beyond which
# e^(−u²/2) is 0, with a relative error below 1.2e-7 and 3.2e-16.
FITS = {
    np.float32: (
        3.5, 8.633333333, -1.466666667,
        4.384732339e-5, 0.0001903909971, -0.0006142401365, -0.00332969553, 0.004197472791,
        0.06742074533, 0.2527976471, 0.565783352, 0.8635105569,
    ),
    np.float64: (
        5.0, 11.28205128205128205, -1.25641025641025641,
        2.107129096146606888e-10, 1.287124012237040234e-9, -3.363030758666453684e-9,
        -1.670772137979579142e-8, 3.46572420559660343e-8, 1.577573363609962566e-7,
        -2.949973774959115644e-7, -1.58228452131805908e-6, 1.85641816558704624e-6,
        0.00001780888529211565268, 4.471131992922291599e-6, -0.0001932272697754505938,
        -0.0005243514744945307328, 0.0008627485654981647216, 0.01106537799057068687,
        0.04597293298106068026, 0.1286700651354240647, 0.2772184721034989364,
        0.4839898957497965184, 0.701226008664369667, 0.8516896445588364151,
    ),
}  # fmt: skip
_TERMS = {np.dtype(t): [np.array(number, t) for number in fit] for t, fit in FITS.items()}
_MINUS_HALF = {np.dtype(t): np.array(-0.5, t) for t in FITS}


def upper_tail(net: Array, tail: Array, density: Array, scratch: Array) -> None:
    """Write Φ(−|net|) into `tail` and e^(−net²/2) into `density`.

    Φ is the distribution function of the standard normal distribution, erf(x) is 1 − 2Φ(−√2 x)
    for x ≥ 0. Every element is computed in the same way, Φ(−u) = e^(−u²/2) · d · P(t) with
    d = 1/(u + k), t linear in d and P a polynomial, so that also the smallest tails keep their
    digits, as far as e^(−u²/2) does: it has the rounding error of u²/2.

    References
    ----------
    M. M. Shepherd and J. G. Laframboise, "Chebyshev approximation of (1 + 2x) exp(x²) erfc x in
    0 ≤ x < ∞", Mathematics of Computation 36 (1981), whose variable is t; the coefficients are ours.
    """
    k, a, b, first, second, *others = _TERMS[net.dtype]
    d, t = scratch, density
    np.absolute(net, d)
    d += k
    np.reciprocal(d, d)
    np.multiply(d, a, t)
    t += b
    np.multiply(t, first, tail)
    tail += second
    for coefficient in others:
        tail *= t
        tail += coefficient
    tail *= d
    np.multiply(net, net, density)
    density *= _MINUS_HALF[net.dtype]
    np.exp(density, density)
    tail *= density
