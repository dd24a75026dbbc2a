"""A chain of masses on springs that stiffen when stretched: the force is the gradient of the energy, taken inside."""

import numpy as np

from adtransform import grad


def energy(x, stiffness, hardening):
    """Of displacements `x` between two walls."""
    stretch = np.diff(np.pad(x, 1))
    return np.sum(0.5 * stiffness * stretch**2 + 0.25 * hardening * stretch**4)


def misfit(start, stiffness: float, hardening: float, observed, dt: float, every: int):
    """Sum of squares against displacements observed once in `every` steps of leapfrog, from rest at `start` on."""
    force = grad(energy)
    x, v = start, np.zeros_like(start)
    total = 0.0
    for seen in observed:
        total += np.sum((x - seen) ** 2)
        for _ in range(every):
            v = v - 0.5 * dt * force(x, stiffness, hardening)
            x = x + dt * v
            v = v - 0.5 * dt * force(x, stiffness, hardening)
    return total
