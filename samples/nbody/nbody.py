"""Bodies that attract each other, moved by leapfrog (kick, drift, kick) in place."""

import numpy as np

SOFTENING = 1e-3


def accelerations(x, mass):
    """What each body feels, pair by pair."""
    a = np.zeros_like(x)
    for i in range(len(mass)):
        for j in range(i):
            d = x[j] - x[i]
            cube = (np.sum(d**2) + SOFTENING**2) ** 1.5
            a[i] += mass[j] * d / cube
            a[j] -= mass[i] * d / cube
    return a


def fly(x, v, mass, dt, steps):
    """Move the bodies."""
    a = accelerations(x, mass)
    for _ in range(steps):
        v += 0.5 * dt * a
        x += dt * v
        a = accelerations(x, mass)
        v += 0.5 * dt * a


def miss(start, v0, mass, target, dt, steps):
    """Squared distance by which the last body, started at `v0`, misses body `target`; the others move as given in `start`."""
    x = start[0].copy()
    v = start[1].copy()
    v[-1] = v0
    fly(x, v, mass, dt, steps)
    gap = x[-1] - x[target]
    return np.sum(gap**2)
