"""The IR's own operations, the helpers of `runtime`: linear in what flows through them, so that adjoints have derivatives."""

from __future__ import annotations

from collections.abc import Mapping

from adtransform.build import type_of
from adtransform.ir import Atom
from adtransform.lattice import rank_of
from adtransform.rules.table import rule, transpose

rule("fit(u, like)", "fit(du, like)", structural=True)
rule("expand(u, like)", "expand(du, like)", structural=True)
rule("cast(u, like)", "cast(du, like)", structural=True)
rule("strong(u, v)", "strong(u, dv) + strong(du, v)", structural=True)
rule("ifexp(c, u, v)", "where(c, du, dv)", structural=True)
rule("spread(u, like, axis=None, keepdims=False)", "spread(du, like, axis=axis, keepdims=keepdims)", structural=True)
rule("scatter(u, places, like)", "scatter(du, places, like)", structural=True)
rule("piece(u, i, axis, *operands)", "piece(du, i, axis, *operands)", structural=True)
rule("items(u, like)", "items(du, like)", structural=True)
rule("pieces(u, axis, like)", "pieces(du, axis, like)", structural=True)
rule("undiag(u, like, k=0)", "undiag(du, like, k=k)", structural=True)
rule("columns(u, like)", "columns(du, like)", structural=True)
rule("uncolumns(u, like)", "uncolumns(du, like)", structural=True)
rule("lanes(u, axis=None)", "lanes(du, axis=axis)", structural=True)
rule("delay(u, first, axis=None)", "delay(du, 0, axis=axis)", structural=True)
rule(
    "recur(u, v, axis=None)",
    "recur(u, reshape(delay(y, 0, axis=axis), shape(u)) * du + dv, axis=axis)",
    structural=True,
)
rule("matmul_left(u, v, like)", "matmul_left(u, dv, like) + matmul_left(du, v, like)", structural=True)
rule("matmul_right(u, v, like)", "matmul_right(u, dv, like) + matmul_right(du, v, like)", structural=True)
rule("dot_left(u, v, like)", "dot_left(u, dv, like) + dot_left(du, v, like)", structural=True)
rule("dot_right(u, v, like)", "dot_right(u, dv, like) + dot_right(du, v, like)", structural=True)
rule("cofactors(u, det)", "moved_cofactors(du, u, det)", structural=True)
rule("inverse(u)", "-(y @ du @ y)", structural=True)
rule("polygamma(k, u)", "polygamma(k + 1, u) * du", structural=True)
rule("cross_share(u, v, like)", "cross_share(u, dv, like) + cross_share(du, v, like)", structural=True)
rule(
    "cross_share(u, v, like, axisa=-1, axisb=-1, axisc=-1)",
    "cross_share(u, dv, like, axisa=axisa, axisb=axisb, axisc=axisc)"
    " + cross_share(du, v, like, axisa=axisa, axisb=axisb, axisc=axisc)",
    structural=True,
)
rule(
    "tensordot_left(u, v, like, axes=2)",
    "tensordot_left(u, dv, like, axes=axes) + tensordot_left(du, v, like, axes=axes)",
    structural=True,
)
rule(
    "tensordot_right(u, v, like, axes=2)",
    "tensordot_right(u, dv, like, axes=axes) + tensordot_right(du, v, like, axes=axes)",
    structural=True,
)
rule("contract(subscripts, like, u)", "contract(subscripts, like, du)", structural=True)
rule(
    "contract(subscripts, like, u, v)",
    "contract(subscripts, like, u, dv) + contract(subscripts, like, du, v)",
    structural=True,
)
rule(
    "contract(subscripts, like, u, v, w)",
    "contract(subscripts, like, u, v, dw) + contract(subscripts, like, u, dv, w) + contract(subscripts, like, du, v, w)",
    structural=True,
)
rule(
    "contract(subscripts, like, u, v, w, q)",
    "contract(subscripts, like, u, v, w, dq) + contract(subscripts, like, u, v, dw, q)"
    " + contract(subscripts, like, u, dv, w, q) + contract(subscripts, like, du, v, w, q)",
    structural=True,
)


def _has_fewer_axes(given: Mapping[str, Atom]) -> bool:
    """Whether axes of one element stand before those of the share: those of what was written into an array of fewer axes."""
    share, like = rank_of(type_of(given["a"])), rank_of(type_of(given["like"]))
    return share is not None and like is not None and share < like


# -- transposes ---------------------------------------------------------------------------------------------------------

transpose("fit(a, like)", "reshape(bar, shape(a))", structural=True, when=_has_fewer_axes)
transpose("fit(a, like)", "expand(bar, a)", structural=True)
transpose("expand(a, like)", "fit(bar, a)", structural=True)
transpose("cast(a, like)", "cast(bar, a)", structural=True)
transpose("strong(a, k)", "strong(bar, k)", structural=True)
transpose("strong(k, a)", "strong(k, bar)", structural=True)
transpose("spread(a, like, axis=None, keepdims=False)", "sum(bar, axis=axis, keepdims=keepdims)", structural=True)
transpose("scatter(a, places, like)", "fit(take(bar, places), a)", structural=True)
transpose(
    "piece(a, i, axis, *operands)",
    "scatter(bar, piece(reshape(arange(size(a)), shape(a)), i, axis, *operands), a)",
    structural=True,
)
transpose("items(a, like)", "fit(asarray(bar), a)", structural=True)
transpose("pieces(a, axis, like)", "concatenate(bar, axis=axis)", structural=True)
transpose("undiag(a, like, k=0)", "diag(bar, k=k)", structural=True)
transpose("columns(a, like)", "uncolumns(bar, like)", structural=True)
transpose("uncolumns(a, like)", "columns(bar, like)", structural=True)
transpose("lanes(a, axis=None)", "scatter(bar, lanes(reshape(arange(size(a)), shape(a)), axis=axis), a)", structural=True)
transpose(
    "delay(a, first, axis=None)",
    "reshape(flip(delay(flip(bar, axis=axis), 0, axis=axis), axis=axis), shape(a))",
    structural=True,
)
transpose(
    "recur(k, a, axis=None)",
    "reshape(flip(recur(delay(flip(k, axis=axis), 0, axis=axis), flip(bar, axis=axis), axis=axis), axis=axis), shape(a))",
    structural=True,
)
transpose("matmul_left(a, k, like)", "bar @ k", structural=True)
transpose("matmul_left(k, a, like)", "matmul_right(k, bar, a)", structural=True)
transpose("matmul_right(a, k, like)", "k @ bar", structural=True)
transpose("matmul_right(k, a, like)", "matmul_left(k, bar, a)", structural=True)
transpose("dot_left(a, k, like)", "dot(bar, k)", structural=True)
transpose("dot_left(k, a, like)", "dot_right(k, bar, a)", structural=True)
transpose("dot_right(a, k, like)", "dot(k, bar)", structural=True)
transpose("dot_right(k, a, like)", "dot_left(k, bar, a)", structural=True)
transpose("moved_cofactors(a, k, det)", "moved_cofactors(bar, k, det)", structural=True)
transpose("cross_share(a, k, like)", "cross(bar, k)", structural=True)
transpose("cross_share(k, a, like)", "-cross_share(k, bar, a)", structural=True)
transpose(
    "cross_share(a, k, like, axisa=-1, axisb=-1, axisc=-1)",
    "cross(bar, k, axisa=axisa, axisb=axisb, axisc=axisc)",
    structural=True,
)
transpose(
    "cross_share(k, a, like, axisa=-1, axisb=-1, axisc=-1)",
    "-cross_share(k, bar, a, axisa=axisb, axisb=axisa, axisc=axisc)",
    structural=True,
)
transpose("tensordot_left(a, k, like, axes=2)", "tensordot(bar, k, axes=axes)", structural=True)
transpose("tensordot_left(k, a, like, axes=2)", "tensordot_right(k, bar, a, axes=axes)", structural=True)
transpose("tensordot_right(a, k, like, axes=2)", "tensordot(k, bar, axes=axes)", structural=True)
transpose("tensordot_right(k, a, like, axes=2)", "tensordot_left(k, bar, a, axes=axes)", structural=True)
transpose("contract(subscripts, like, a)", "contract(swap(subscripts, 0), a, bar)", structural=True)
transpose("contract(subscripts, like, a, k)", "contract(swap(subscripts, 0), a, bar, k)", structural=True)
transpose("contract(subscripts, like, k, a)", "contract(swap(subscripts, 1), a, k, bar)", structural=True)
transpose("contract(subscripts, like, a, k, l)", "contract(swap(subscripts, 0), a, bar, k, l)", structural=True)
transpose("contract(subscripts, like, k, a, l)", "contract(swap(subscripts, 1), a, k, bar, l)", structural=True)
transpose("contract(subscripts, like, k, l, a)", "contract(swap(subscripts, 2), a, k, l, bar)", structural=True)
transpose(
    "contract(subscripts, like, a, k, l, m)",
    "contract(swap(subscripts, 0), a, bar, k, l, m)",
    structural=True,
)
transpose(
    "contract(subscripts, like, k, a, l, m)",
    "contract(swap(subscripts, 1), a, k, bar, l, m)",
    structural=True,
)
transpose(
    "contract(subscripts, like, k, l, a, m)",
    "contract(swap(subscripts, 2), a, k, l, bar, m)",
    structural=True,
)
transpose(
    "contract(subscripts, like, k, l, m, a)",
    "contract(swap(subscripts, 3), a, k, l, m, bar)",
    structural=True,
)
