"""The tables: differentials and transposes.  `table` is the language; every other module is rows."""

from adtransform.rules import (
    arithmetic,
    constants,
    elementwise,
    fourier,
    linalg,
    moments,
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
    "constants",
    "elementwise",
    "fourier",
    "linalg",
    "moments",
    "norms",
    "orderings",
    "picking",
    "products",
    "reductions",
    "shapes",
    "signals",
    "structural",
]
