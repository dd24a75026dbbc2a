"""The tables: differentials and transposes.  `table` is the language; every other module is rows."""

from adtransform.rules import (
    arithmetic,
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
    statistics,
    structural,
)

__all__ = [
    "arithmetic",
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
    "statistics",
    "structural",
]
