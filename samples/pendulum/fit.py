"""Find length and damping of a pendulum from its angles with the emitted gradient; needs NumPy and SciPy, and nothing else."""

from math import sin

import numpy as np
from reverse import misfit_reverse
from scipy.integrate import solve_ivp
from scipy.optimize import minimize

LENGTH, DAMPING, START = 1.3, 0.15, (1.2, 0.0)
DT, EVERY = 0.02, 5
NOISE = 0.01


def measured(rng):
    """Ten seconds of angles, by another integrator than the one that is fitted."""
    times = np.arange(100) * DT * EVERY

    def slope(time, state):
        return state[1], -9.81 / LENGTH * sin(state[0]) - DAMPING * state[1]

    swing = solve_ivp(slope, (0.0, 10.0), START, t_eval=times, rtol=1e-10)
    return swing.y[0] + rng.normal(0.0, NOISE, times.size)


def fit(angles, guess):
    """`(angle, speed, length, damping)` that fit best, and the sum of squares before and after."""

    def value_and_gradient(theta):
        value, gradient = misfit_reverse(*map(float, theta), angles, DT, EVERY)
        return value, np.array(gradient)

    found = minimize(value_and_gradient, guess, jac=True, method="BFGS")
    return found.x, value_and_gradient(guess)[0], found.fun


if __name__ == "__main__":
    theta, before, after = fit(measured(np.random.default_rng(4)), np.array([1.0, 0.0, 1.2, 0.05]))
    print(f"misfit {before:.3f} before, {after:.4f} after; length {theta[2]:.4f} m, damping {theta[3]:.4f} per s")
