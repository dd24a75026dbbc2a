"""Find the springs of a chain from its motion with the emitted gradient; needs NumPy and SciPy, and nothing else."""

import numpy as np
from reverse import misfit_reverse
from scipy.integrate import solve_ivp
from scipy.optimize import minimize

STIFFNESS, HARDENING = 2.0, 1.5
START = np.array([0.0, 0.9, 0.3, -0.4, 0.0])
DT, EVERY, NOISE = 0.05, 4, 0.02


def observed(rng):
    """Ten seconds of motion, by another integrator than the one that is fitted and from forces written out by hand."""
    times = np.arange(50) * DT * EVERY

    def slope(time, state):
        x, v = state.reshape(2, -1)
        stretch = np.diff(x, prepend=0.0, append=0.0)
        return np.concatenate((v, np.diff(STIFFNESS * stretch + HARDENING * stretch**3)))

    state = np.concatenate((START, np.zeros_like(START)))
    motion = solve_ivp(slope, (0.0, 10.0), state, t_eval=times, rtol=1e-10)
    return motion.y[: START.size].T + rng.normal(0.0, NOISE, (times.size, START.size))


def fit(seen, guess):
    """Stiffness and hardening that fit best, and the sum of squares before and after."""

    def value_and_gradient(theta):
        value, (_, *gradient) = misfit_reverse(START, *map(float, theta), seen, DT, EVERY)
        return value, np.array(gradient)

    found = minimize(value_and_gradient, guess, jac=True, method="BFGS")
    return found.x, value_and_gradient(guess)[0], found.fun


if __name__ == "__main__":
    (stiffness, hardening), before, after = fit(observed(np.random.default_rng(6)), np.array([1.8, 1.0]))
    print(f"misfit {before:.2f} before, {after:.3f} after; stiffness {stiffness:.4f}, hardening {hardening:.4f}")
