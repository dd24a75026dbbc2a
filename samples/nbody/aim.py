"""Aim a probe at a planet with the emitted gradient; needs NumPy and SciPy, and nothing else."""

import numpy as np
from reverse import miss_reverse
from scipy.optimize import minimize

MASS = np.array([1.0, 1e-3, 3e-4, 1e-12])  # a sun, two planets, the probe
DT, STEPS, TARGET = 0.02, 150, 2


def start():
    """Positions and velocities `[2, N, 3]`; the planets move on circles of radius 1 and 1.6."""
    x = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [-0.4, 1.549193, 0.1], [1.05, 0.05, 0.0]])
    speed = 1.0 / np.sqrt(1.6)
    v = np.array([[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-speed * 0.968246, -speed * 0.25, 0.0], [0.0, 0.0, 0.0]])
    return np.stack([x, v])


def aim(guess):
    """`(v0, miss before, miss after)`."""
    state = start()

    def value_and_gradient(v0):
        value, (gradient,) = miss_reverse(state, v0, MASS, TARGET, DT, STEPS)
        return value, gradient

    found = minimize(value_and_gradient, guess, jac=True, method="BFGS", options={"gtol": 1e-9})
    return found.x, np.sqrt(value_and_gradient(guess)[0]), np.sqrt(found.fun)


if __name__ == "__main__":
    v0, before, after = aim(np.array([0.0, 1.15, 0.05]))
    print(f"missed by {before:.3f} before, by {after:.1e} after, started at {np.round(v0, 4)}")
