"""Linear algebra, over the last two axes.

The formulas are those of M. B. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic
differentiation" (2008).  `cholesky` and `eigh` read the lower triangle only, and so do their differentials.
"""

# The defs below are read as text: their names are those of NumPy and of the IR.
# ruff: noqa: F821, E741
# mypy: allow-untyped-defs, disable-error-code="name-defined, call-overload"

from __future__ import annotations

from adtransform.lattice import rank_of
from adtransform.rules.table import rule, transpose

rule("numpy.linalg.inv(u)", "-(y @ du @ y)")
# A right side of one axis is a vector, also for a batch of matrices: then `du @ y` would take `y` for a matrix.
rule(
    "numpy.linalg.solve(u, v)",
    "solve(u, dv - du @ y)",
    when=lambda u, v: rank_of(u) == 2 or (rank_of(v) or 0) > 1,
)
rule("numpy.linalg.solve(u, v)", "uncolumns(solve(u, columns(dv, v) - du @ columns(y, v)), v)")
rule("numpy.linalg.det(u)", "sum(cofactors(u, y) * du, axis=(-2, -1))")
rule(
    "numpy.linalg.norm(u, axis=None, keepdims=False)",
    "real(sum(conj(u) * du, axis=axis, keepdims=keepdims)) / where(y == 0, inf, y)",
)


@rule("s, l = numpy.linalg.slogdet(u)")
def slogdet(s, l, u, du):
    """The sign of a real determinant is a step; that of a complex one turns."""
    t = sum(swapaxes(inv(u), -1, -2) * du, axis=(-2, -1))
    return s * (t - real(t)), real(t)


@rule("numpy.linalg.cholesky(u)")
def cholesky(y, u, du):
    """dL = L * low(L**-1 dA L**-H), where `low` halves the diagonal of the lower triangle."""
    da = tril(du) + conj(swapaxes(tril(du, k=-1), -1, -2))
    t = solve(y, conj(swapaxes(solve(y, da), -1, -2)))
    half = tril(ones_like(y)) - cast(0.5 * eye(shape(y)[-1]), y)
    return y @ (half * t)


@rule("w, V = numpy.linalg.eigh(u)")
def eigh(w, V, u, du):
    """dw = diag(t), dV = V (F * t) with t = V**H dA V and F[i, j] = 1 / (w[j] - w[i]) off the diagonal."""
    da = tril(du) + conj(swapaxes(tril(du, k=-1), -1, -2))
    t = conj(swapaxes(V, -1, -2)) @ da @ V
    unit = cast(eye(shape(w)[-1]), w)
    f = (1 - unit) / (expand_dims(w, -2) - expand_dims(w, -1) + unit)
    return real(diagonal(t, axis1=-2, axis2=-1)), V @ (f * t)


@rule("numpy.linalg.eigvalsh(u)")
def eigvalsh(y, u, du):
    """dw = diag(V**H dA V)."""
    _, V = eigh(u)
    da = tril(du) + conj(swapaxes(tril(du, k=-1), -1, -2))
    return real(diagonal(conj(swapaxes(V, -1, -2)) @ da @ V, axis1=-2, axis2=-1))


@rule("U, s, W = numpy.linalg.svd(u, full_matrices=True)")
def svd(U, s, W, u, du):
    """ds = diag(t) with t = U.T dA V.

    dU = U (F * (t S + S t.T)) + (1 - U U.T) dA V / S and likewise dV, with F[i, j] = 1 / (s[j]**2 - s[i]**2).  The vectors
    have a derivative for the thin form only; with all of U and V of a matrix that is not square the shapes do not fit.
    """
    V = swapaxes(W, -1, -2)
    t = swapaxes(U, -1, -2) @ du @ V
    row, column, unit = expand_dims(s, -2), expand_dims(s, -1), cast(eye(shape(s)[-1]), s)
    f = (1 - unit) / ((row - column) * (row + column) + unit)
    inverse = where(row == 0, 0, 1 / where(row == 0, 1, row))
    p = t * row
    q = column * t
    a = du @ V
    b = swapaxes(du, -1, -2) @ U
    dU = U @ (f * (p + swapaxes(p, -1, -2))) + (a - U @ (swapaxes(U, -1, -2) @ a)) * inverse
    dV = V @ (f * (q + swapaxes(q, -1, -2))) + (b - V @ (swapaxes(V, -1, -2) @ b)) * inverse
    return dU, diagonal(t, axis1=-2, axis2=-1), swapaxes(dV, -1, -2)


@rule("s = numpy.linalg.svd(u, full_matrices=True, compute_uv=True)")
@rule("s = numpy.linalg.svdvals(u)")
def singular_values(s, u, du):
    """ds = diag(U.T dA V)."""
    U, _, W = svd(u, full_matrices=False)
    return diagonal(swapaxes(U, -1, -2) @ du @ swapaxes(W, -1, -2), axis1=-2, axis2=-1)


@rule("Q, R = numpy.linalg.qr(u)")
def qr(Q, R, u, du):
    """dR = (t - W) R, dQ = (dA R**-1 - Q t) + Q W: t = Q.T dA R**-1, W skew with the lower triangle of t.  m >= n."""
    a = swapaxes(solve(swapaxes(R, -1, -2), swapaxes(du, -1, -2)), -1, -2)
    t = swapaxes(Q, -1, -2) @ a
    low = tril(t, k=-1)
    skew = low - swapaxes(low, -1, -2)
    return a - Q @ (t - skew), (t - skew) @ R


@rule("numpy.linalg.pinv(u)")
def pinv(y, u, du):
    """For a rank that does not change (Golub and Pereyra, 1973)."""
    dh = conj(swapaxes(du, -1, -2))
    h = conj(swapaxes(y, -1, -2))
    c = dh - dh @ u @ y
    d = dh - y @ u @ dh
    return y @ h @ c + d @ h @ y - y @ du @ y


# -- transposes ---------------------------------------------------------------------------------------------------------

transpose("numpy.linalg.solve(k, a)", "solve(swapaxes(k, -1, -2), bar)")
