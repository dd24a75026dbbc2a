"""The heat equation on a plate, stepped in place: once as one writes it, once with what is known of the arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float64


def heat(u, alpha, steps):
    """Mean square temperature after `steps` explicit steps; the rim keeps its temperature."""
    for _ in range(steps):
        around = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2]
        u[1:-1, 1:-1] += alpha * (around - 4.0 * u[1:-1, 1:-1])
    return np.mean(u * u)


def heat_typed(u: Float64[np.ndarray, "H W"], alpha: float, steps: int):
    """Mean square temperature after `steps` explicit steps; the rim keeps its temperature."""
    for _ in range(steps):
        around = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2]
        u[1:-1, 1:-1] += alpha * (around - 4.0 * u[1:-1, 1:-1])
    return np.mean(u * u)
