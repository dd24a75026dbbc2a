"""Norms of vectors and matrices.  At 0, and where the largest elements are equal: as `abs`, `norm` and `max` have it."""

from __future__ import annotations

import textwrap

from adtransform.lattice import rank_of
from adtransform.rules.table import rule

# (|u[0]|**p + ...)**(1 / p); of order inf the largest, of 0 how many are not 0.
_VECTOR = """
d = real(conj(sign(u)) * du)
if ord == 0:
    return 0.0 * sum(d, axis=axis, keepdims=keepdims)
if ord == 1:
    return sum(d, axis=axis, keepdims=keepdims)
if ord == 2:
    return real(sum(conj(u) * du, axis=axis, keepdims=keepdims)) / where(y == 0, inf, y)
if ord in (inf, -inf):
    hit = cast(absolute(u) == spread(y, u, axis=axis, keepdims=keepdims), u)
    return sum(hit * d, axis=axis, keepdims=keepdims) / sum(hit, axis=axis, keepdims=keepdims)
steep = power(absolute(u), ord - 1)
return sum(steep * d, axis=axis, keepdims=keepdims) / power(where(y == 0, inf, y), ord - 1)
"""
# Of sums of rows (inf) or columns (1) the largest, or the least (-inf, -1); of singular values (2, -2), or their sum.
_MATRIX = """
if ord == "fro":
    return real(sum(conj(u) * du, axis=axis, keepdims=keepdims)) / where(y == 0, inf, y)
if ord == "nuc" or ord in (2, -2):
    U, s, W = svd(a, full_matrices=False)
    t = real(diagonal(conj(swapaxes(U, -1, -2)) @ da @ conj(swapaxes(W, -1, -2)), axis1=-2, axis2=-1))
    d = sum(t, axis=-1) if ord == "nuc" else t[..., 0] if ord == 2 else t[..., -1]
    return reshape(d, shape(y)) if keepdims else d
d = real(conj(sign(a)) * da)
along = -1 if ord in (inf, -inf) else -2
sums = sum(absolute(a), axis=along)
extreme = max(sums, axis=-1, keepdims=True) if ord > 0 else min(sums, axis=-1, keepdims=True)
hit = cast(sums == extreme, sums)
moved = sum(hit * sum(d, axis=along), axis=-1) / sum(hit, axis=-1)
return reshape(moved, shape(y)) if keepdims else moved
"""


def _body(text: str) -> str:
    return textwrap.indent(text.strip("\n"), "    ") + "\n"


_OF_VECTOR = f"def norm(y, u, du):\n{_body(_VECTOR)}"
_OF_MATRIX = f"def norm(y, u, du):\n    axis, a, da = (-2, -1), u, du\n{_body(_MATRIX)}"
_ALONG = (
    f"def norm(y, u, du):\n    if isinstance(axis, int):\n{_body(_body(_VECTOR))}"
    f"    a, da = moveaxis(u, axis, (-2, -1)), moveaxis(du, axis, (-2, -1))\n{_body(_MATRIX)}"
)
_EUCLIDEAN = "real(sum(conj(u) * du, axis={0}, keepdims=keepdims)) / where(y == 0, inf, y)"

rule("numpy.linalg.norm(u, axis=None, keepdims=False)", _EUCLIDEAN.format("axis"))
rule("numpy.linalg.norm(u, axis=None, keepdims=False, ord=2)", _OF_VECTOR, when=lambda u: rank_of(u) == 1)
rule("numpy.linalg.norm(u, keepdims=False, ord=2)", _OF_MATRIX, when=lambda u: rank_of(u) == 2)
rule("numpy.linalg.norm(u, axis=..., keepdims=False, ord=2)", _ALONG)

rule("numpy.linalg.vector_norm(u, axis=None, keepdims=False)", _EUCLIDEAN.format("axis"))
rule("numpy.linalg.vector_norm(u, axis=None, keepdims=False, ord=2)", _OF_VECTOR)
rule("numpy.linalg.matrix_norm(u, keepdims=False)", _EUCLIDEAN.format("(-2, -1)"))
rule("numpy.linalg.matrix_norm(u, keepdims=False, ord=2)", _OF_MATRIX)
