"""Weigh the universe with the emitted gradient; needs NumPy and SciPy, and nothing else."""

import numpy as np
from reverse import modulus_reverse
from scipy.optimize import least_squares

MATTER, HUBBLE, NOISE = 0.31, 70.0, 0.12


def moduli(redshifts, matter, hubble):
    """Distance moduli and their derivatives by `(matter, hubble)`, one row each."""
    rows = [modulus_reverse(float(z), float(matter), float(hubble)) for z in redshifts]
    return np.array([value for value, _ in rows]), np.array([gradient for _, gradient in rows])


def observed(rng, count=300):
    """Redshifts of supernovae and their measured distance moduli."""
    redshifts = np.sort(rng.uniform(0.02, 1.4, count))
    return redshifts, moduli(redshifts, MATTER, HUBBLE)[0] + rng.normal(0.0, NOISE, count)


def fit(redshifts, seen, guess):
    """`(matter, hubble)`, and the root mean square of what is left before and after."""
    found = least_squares(
        lambda p: moduli(redshifts, *p)[0] - seen,
        guess,
        lambda p: moduli(redshifts, *p)[1],
        bounds=([0.01, 30.0], [0.99, 120.0]),
        x_scale=[0.1, 5.0],
    )
    before, after = (np.sqrt(np.mean((moduli(redshifts, *p)[0] - seen) ** 2)) for p in (guess, found.x))
    return found.x, before, after


if __name__ == "__main__":
    (matter, hubble), before, after = fit(*observed(np.random.default_rng(4)), np.array([0.9, 50.0]))
    print(f"left: {before:.3f} mag before, {after:.3f} mag after; matter {matter:.3f}, hubble {hubble:.2f}")
