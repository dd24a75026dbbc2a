"""Find the noise levels of a tracked drift with the emitted gradient; needs NumPy and SciPy, and nothing else."""

import numpy as np
from reverse import surprise_reverse
from scipy.optimize import minimize

PROCESS, NOISE, DT = 0.5, 2.0, 1.0


def drift(rng, steps=400):
    """Measured positions of a body that is pushed at random."""
    pushes = rng.normal(0.0, PROCESS, steps)
    speed = np.cumsum(pushes) * DT
    place = np.cumsum(speed) * DT - 0.5 * pushes * DT**2
    return place + rng.normal(0.0, NOISE, steps)


def fit(track, guess):
    """`(process, noise)` of greatest likelihood, and the negative log-likelihood before and after."""

    def value_and_gradient(logs):
        levels = np.exp(logs)
        value, gradient = surprise_reverse(*map(float, levels), DT, track)
        return value, np.array(gradient) * levels

    start = np.log(guess)
    found = minimize(value_and_gradient, start, jac=True, method="BFGS")
    return np.exp(found.x), value_and_gradient(start)[0], found.fun


if __name__ == "__main__":
    levels, before, after = fit(drift(np.random.default_rng(6)), np.array([2.0, 0.5]))
    print(f"surprise {before:.1f} before, {after:.1f} after; process {levels[0]:.3f}, noise {levels[1]:.3f}")
