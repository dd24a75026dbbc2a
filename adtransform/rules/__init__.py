"""The tables: differentials and transposes.  `table` is the language; every other module is rows."""

from adtransform.rules import (
    arithmetic,
    averages,
    constants,
    elementwise,
    fourier,
    linalg,
    norms,
    orderings,
    picking,
    products,
    reductions,
    shapes,
    signals,
    structural,
)

__all__ = [
    "arithmetic",
    "averages",
    "constants",
    "elementwise",
    "fourier",
    "linalg",
    "norms",
    "orderings",
    "picking",
    "products",
    "reductions",
    "shapes",
    "signals",
    "structural",
]
