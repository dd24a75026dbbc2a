"""Products of vectors, matrices and tensors: bilinear, so the differential of each is itself twice."""

from __future__ import annotations

from collections.abc import Mapping

from adtransform.build import type_of
from adtransform.ir import Atom
from adtransform.lattice import dims_of
from adtransform.rules.table import alias, rule, transpose

rule("u @ v", "u @ dv + du @ v")
rule("dot(u, v)", "dot(u, dv) + dot(du, v)")
rule("outer(u, v)", "outer(u, dv) + outer(du, v)")
rule("cross(u, v)", "cross(u, dv) + cross(du, v)")
rule("cross(u, v, axis=-1)", "cross(u, dv, axis=axis) + cross(du, v, axis=axis)")
rule("numpy.linalg.cross(u, v, axis=-1)", "cross(u, dv, axis=axis) + cross(du, v, axis=axis)")
rule(
    "cross(u, v, axisa=-1, axisb=-1, axisc=-1)",
    "cross(u, dv, axisa=axisa, axisb=axisb, axisc=axisc) + cross(du, v, axisa=axisa, axisb=axisb, axisc=axisc)",
)
rule("vdot(u, v)", "vdot(u, dv) + sum(conj(ravel(du)) * ravel(v))")
rule("inner(u, v)", "tensordot(u, dv, axes=(-1, -1)) + tensordot(du, v, axes=(-1, -1))")
rule("tensordot(u, v, axes=2)", "tensordot(u, dv, axes=axes) + tensordot(du, v, axes=axes)")
rule("einsum(subscripts, u)", "einsum(subscripts, du)")
rule("einsum(subscripts, u, v)", "einsum(subscripts, u, dv) + einsum(subscripts, du, v)")
rule(
    "einsum(subscripts, u, v, w)",
    "einsum(subscripts, u, v, dw) + einsum(subscripts, u, dv, w) + einsum(subscripts, du, v, w)",
)
rule("trace(u, offset=0, axis1=0, axis2=1)", "trace(du, offset=offset, axis1=axis1, axis2=axis2)")

alias("numpy.matmul", "operator.matmul")


def _of_three(names: Mapping[str, Atom]) -> bool:
    """Whether vectors along the last axis are known to have three parts."""
    dims = [dims_of(type_of(names[n])) for n in ("a", "k")]
    return all(d and d[-1] == 3 for d in dims)


# -- transposes ---------------------------------------------------------------------------------------------------------

transpose("a @ k", "matmul_left(bar, k, a)")
transpose("k @ a", "matmul_right(bar, k, a)")
transpose("matmul(a, k)", "matmul_left(bar, k, a)")
transpose("matmul(k, a)", "matmul_right(bar, k, a)")
transpose("dot(a, k)", "dot_left(bar, k, a)")
transpose("dot(k, a)", "dot_right(bar, k, a)")
transpose("outer(a, k)", "reshape(bar @ ravel(k), shape(a))")
transpose("outer(k, a)", "reshape(ravel(k) @ bar, shape(a))")
transpose("cross(a, k)", "cross(k, bar)", when=_of_three)
transpose("cross(k, a)", "cross(bar, k)", when=_of_three)
transpose("cross(a, k)", "cross_share(bar, k, a)")
transpose("cross(k, a)", "-cross_share(bar, k, a)")
transpose("cross(a, k, axis=-1)", "cross_share(bar, k, a, axisa=axis, axisb=axis, axisc=axis)")
transpose("cross(k, a, axis=-1)", "-cross_share(bar, k, a, axisa=axis, axisb=axis, axisc=axis)")
transpose("cross(a, k, axisa=-1, axisb=-1, axisc=-1)", "cross_share(bar, k, a, axisa=axisa, axisb=axisb, axisc=axisc)")
transpose("cross(k, a, axisa=-1, axisb=-1, axisc=-1)", "-cross_share(bar, k, a, axisa=axisb, axisb=axisa, axisc=axisc)")
transpose("vdot(k, a)", "reshape(bar * conj(ravel(k)), shape(a))")
transpose("tensordot(a, k, axes=2)", "tensordot_left(bar, k, a, axes=axes)")
transpose("tensordot(k, a, axes=2)", "tensordot_right(bar, k, a, axes=axes)")
transpose("einsum(subscripts, a)", "contract(swap(subscripts, 0), a, bar)")
transpose("einsum(subscripts, a, k)", "contract(swap(subscripts, 0), a, bar, k)")
transpose("einsum(subscripts, k, a)", "contract(swap(subscripts, 1), a, k, bar)")
transpose("einsum(subscripts, a, k, l)", "contract(swap(subscripts, 0), a, bar, k, l)")
transpose("einsum(subscripts, k, a, l)", "contract(swap(subscripts, 1), a, k, bar, l)")
transpose("einsum(subscripts, k, l, a)", "contract(swap(subscripts, 2), a, k, l, bar)")
transpose("trace(a, offset=0)", "bar * eye(shape(a)[0], shape(a)[1], k=offset)", rank=2)
transpose(
    "trace(a, offset=0, axis1=0, axis2=1)",
    "scatter(expand_dims(bar, -1), diagonal(reshape(arange(size(a)), shape(a)), offset=offset, axis1=axis1, axis2=axis2), a)",
)
