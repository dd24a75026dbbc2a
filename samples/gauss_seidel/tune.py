"""Find the best relaxation factor with the emitted gradient; needs NumPy and SciPy, and nothing else."""

import numpy as np
from reverse import remaining_reverse
from scipy.optimize import minimize

SWEEPS = 12


def source(side=14):
    """A hot and a cold spot on a square plate."""
    f = np.zeros((side, side))
    f[3, 4], f[10, 9] = 1.0, -1.0
    return f


def tune(f, omega=1.0):
    """`(omega, left before, left after)`; the logarithm is minimised, for what is left spans decades."""

    def value_and_gradient(theta):
        value, (domega, _) = remaining_reverse(float(theta[0]), f, SWEEPS)
        return np.log(value), np.array([domega / value])

    found = minimize(value_and_gradient, [omega], jac=True, method="L-BFGS-B", bounds=[(0.5, 1.95)])
    return found.x[0], remaining_reverse(omega, f, SWEEPS)[0], np.exp(found.fun)


if __name__ == "__main__":
    omega, before, after = tune(source())
    print(f"left after {SWEEPS} sweeps: {before:.3e} with factor 1, {after:.3e} with factor {omega:.4f}")
