"""Find the shape that shifted and stretched series have in common with the emitted gradient; needs NumPy and SciPy."""

import numpy as np
from reverse import misfit_reverse
from scipy.optimize import minimize

SERIES, TIMES, NOISE, SHARPNESS = 6, np.linspace(0.0, 1.0, 25), 0.03, 10.0


def shape(time):
    """Up quickly, a shoulder, and down: at most 1."""
    return np.exp(-(((time - 0.35) / 0.08) ** 2)) + 0.5 * np.exp(-(((time - 0.6) / 0.12) ** 2))


def observed(rng):
    """The shape, each time at times of its own."""
    late, slow = rng.uniform(-0.12, 0.12, (SERIES, 1)), rng.uniform(0.8, 1.25, (SERIES, 1))
    return shape((TIMES - late) * slow) + rng.normal(0.0, NOISE, (SERIES, TIMES.size))


def centre(seen):
    """The series that is nearest to all, sought from their mean; and how far both are from them."""

    def value_and_gradient(u):
        value, (gradient,) = misfit_reverse(u, seen, SHARPNESS)
        return value, gradient

    mean = seen.mean(axis=0)
    found = minimize(value_and_gradient, mean, jac=True, method="L-BFGS-B")
    return mean, found.x, value_and_gradient(mean)[0], found.fun


if __name__ == "__main__":
    mean, found, before, after = centre(observed(np.random.default_rng(7)))
    print(
        f"misfit {before:.3f} before, {after:.3f} after; height {mean.max():.3f} of the mean, {found.max():.3f} of the centre"
    )
