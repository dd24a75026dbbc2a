"""Gauss-Seidel sweeps over a grid, each element written in place from its newest neighbours."""

import numpy as np


def relax(u, source, omega, sweeps):
    """Over-relaxed sweeps towards `4 u - (sum of the neighbours) = source`; the rim of `u` stays."""
    rows, columns = u.shape
    for _ in range(sweeps):
        for i in range(1, rows - 1):
            for j in range(1, columns - 1):
                around = u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1]
                u[i, j] += omega * (0.25 * (around + source[i, j]) - u[i, j])


def remaining(omega, source, sweeps):
    """Mean square of what is left of the equation after some sweeps from zero."""
    u = np.zeros_like(source)
    relax(u, source, omega, sweeps)
    around = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2]
    left = source[1:-1, 1:-1] - (4.0 * u[1:-1, 1:-1] - around)
    return np.mean(left * left)
