"""Products of vectors, matrices and tensors: bilinear, so the differential of each is itself twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from adtransform.build import type_of
from adtransform.ir import Atom
from adtransform.lattice import Type, dims_of, rank_of
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
# In which order the value is computed, `optimize`, is nothing to the derivative.
rule("einsum(subscripts, u, optimize=False)", "einsum(subscripts, du)")
rule("einsum(subscripts, u, v, optimize=False)", "einsum(subscripts, u, dv) + einsum(subscripts, du, v)")
rule(
    "einsum(subscripts, u, v, w, optimize=False)",
    "einsum(subscripts, u, v, dw) + einsum(subscripts, u, dv, w) + einsum(subscripts, du, v, w)",
)
rule(
    "einsum(subscripts, u, v, w, q, optimize=False)",
    "einsum(subscripts, u, v, w, dq) + einsum(subscripts, u, v, dw, q)"
    " + einsum(subscripts, u, dv, w, q) + einsum(subscripts, du, v, w, q)",
)
rule("trace(u, offset=0, axis1=0, axis2=1)", "trace(du, offset=offset, axis1=axis1, axis2=axis2)")

rule("trace(u, offset=0)", "trace(du, offset=offset, axis1=-2, axis2=-1)", on="numpy.linalg")
rule("vecdot(u, v)", "einsum('...i,...i->...', conj(u), dv) + einsum('...i,...i->...', conj(du), v)", on="numpy numpy.linalg")
rule("matvec(u, v)", "einsum('...ij,...j->...i', u, dv) + einsum('...ij,...j->...i', du, v)")
rule("vecmat(u, v)", "einsum('...i,...ij->...j', conj(u), dv) + einsum('...i,...ij->...j', conj(du), v)")
rule("multi_dot(u, v)", "dot(u, dv) + dot(du, v)", on="numpy.linalg")
rule("multi_dot(u, v, w)", "u @ (v @ dw) + u @ dv @ w + du @ (v @ w)", on="numpy.linalg")
rule(
    "multi_dot(u, v, w, q)",
    "u @ v @ (w @ dq) + u @ v @ dw @ q + u @ dv @ (w @ q) + du @ (v @ (w @ q))",
    on="numpy.linalg",
)


def _have(m: int, n: int) -> Callable[[Type, Type], bool]:
    """Whether two operands have so many axes."""
    return lambda u, v: rank_of(u) == m and rank_of(v) == n


# A Kronecker product is a tensor product whose axes are joined in pairs.
for _m, _n, _pairs in ((1, 1, "j,l->jl"), (2, 1, "ij,l->ijl"), (1, 2, "j,kl->kjl"), (2, 2, "ij,kl->ikjl")):
    rule(
        "kron(u, v)",
        f"reshape(einsum('{_pairs}', u, dv) + einsum('{_pairs}', du, v), shape(y))",
        when=_have(_m, _n),
    )

alias("numpy.matmul numpy.linalg.matmul", "operator.matmul")
alias("numpy.linalg.outer", "numpy.outer")
alias("numpy.linalg.tensordot", "numpy.tensordot")


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
transpose("einsum(subscripts, a, k, l, m)", "contract(swap(subscripts, 0), a, bar, k, l, m)")
transpose("einsum(subscripts, k, a, l, m)", "contract(swap(subscripts, 1), a, k, bar, l, m)")
transpose("einsum(subscripts, k, l, a, m)", "contract(swap(subscripts, 2), a, k, l, bar, m)")
transpose("einsum(subscripts, k, l, m, a)", "contract(swap(subscripts, 3), a, k, l, m, bar)")
transpose("trace(a, offset=0)", "bar * eye(shape(a)[0], shape(a)[1], k=offset)", rank=2)
transpose(
    "trace(a, offset=0, axis1=0, axis2=1)",
    "scatter(expand_dims(bar, -1), diagonal(reshape(arange(size(a)), shape(a)), offset=offset, axis1=axis1, axis2=axis2), a)",
)
