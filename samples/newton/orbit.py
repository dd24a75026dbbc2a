"""Find a planet from the velocity of its star with the emitted gradient; needs NumPy and SciPy, and nothing else."""

import numpy as np
from reverse import velocity_reverse
from scipy.optimize import least_squares

NAMES = ["period", "passage", "e", "w", "height", "drift"]
TRUE = np.array([4.23, 1.1, 0.35, 0.8, 56.0, -3.0])
NOISE = 1.0


def measured(rng):
    """Times (days) and velocities (m/s)."""
    times = np.sort(rng.uniform(0.0, 20.0, 60))
    return times, velocities(times, TRUE)[0] + rng.normal(0.0, NOISE, times.size)


def velocities(times, orbit):
    """Velocities at the times and their derivatives by the elements of the orbit, one row each."""
    rows = [velocity_reverse(float(t), *map(float, orbit)) for t in times]
    return np.array([value for value, _ in rows]), np.array([gradient for _, gradient in rows])


def fit(times, seen, guess):
    """The elements, and the root mean square of what is left before and after."""
    found = least_squares(
        lambda orbit: velocities(times, orbit)[0] - seen,
        guess,
        lambda orbit: velocities(times, orbit)[1],
        bounds=([1.0, -5.0, 0.0, -4.0, 0.0, -100.0], [10.0, 5.0, 0.95, 4.0, 500.0, 100.0]),
        x_scale=[0.1, 0.5, 0.2, 0.5, 20.0, 5.0],
    )
    before, after = (np.sqrt(np.mean((velocities(times, o)[0] - seen) ** 2)) for o in (guess, found.x))
    return found.x, before, after


if __name__ == "__main__":
    orbit, before, after = fit(*measured(np.random.default_rng(2)), np.array([4.2, 0.8, 0.2, 0.5, 40.0, 0.0]))
    print(f"left: {before:.2f} m/s before, {after:.2f} m/s after")
    print(", ".join(f"{name} {value:.3f}" for name, value in zip(NAMES, orbit, strict=True)))
