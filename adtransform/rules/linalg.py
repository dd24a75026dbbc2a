"""Linear algebra, over the last two axes.

The formulas are those of M. B. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic
differentiation" (2008).  `cholesky` and `eigh` read the lower triangle only, and so do their differentials.
"""

from __future__ import annotations

from adtransform.rules.table import rule, transpose

rule("numpy.linalg.inv(u)", "-(y @ du @ y)")
rule("numpy.linalg.solve(u, v)", "solve(u, dv - du @ y)")
rule("numpy.linalg.det(u)", "y * sum(swapaxes(inv(u), -1, -2) * du, axis=(-2, -1))")
rule(
    "numpy.linalg.norm(u, axis=None, keepdims=False)",
    "real(sum(conj(u) * du, axis=axis, keepdims=keepdims)) / where(y == 0, 1, y)",
)


@rule("s, l = numpy.linalg.slogdet(u)")
def slogdet(s, l, u, du):  # type: ignore[no-untyped-def]  # noqa: E741
    """The sign of a real determinant is a step; that of a complex one turns."""
    t = sum(swapaxes(inv(u), -1, -2) * du, axis=(-2, -1))  # type: ignore[call-overload]  # noqa: F821
    return s * (t - real(t)), real(t)  # noqa: F821


@rule("numpy.linalg.cholesky(u)")
def cholesky(y, u, du):  # type: ignore[no-untyped-def]
    """dL = L * low(L**-1 dA L**-H), where `low` halves the diagonal of the lower triangle."""
    da = tril(du) + conj(swapaxes(tril(du, k=-1), -1, -2))  # noqa: F821
    t = solve(y, conj(swapaxes(solve(y, da), -1, -2)))  # noqa: F821
    half = tril(ones_like(y)) - 0.5 * eye(shape(y)[-1])  # noqa: F821
    return y @ (half * t)


@rule("w, V = numpy.linalg.eigh(u)")
def eigh(w, V, u, du):  # type: ignore[no-untyped-def]  # noqa: N803
    """dw = diag(t), dV = V (F * t) with t = V**H dA V and F[i, j] = 1 / (w[j] - w[i]) off the diagonal."""
    da = tril(du) + conj(swapaxes(tril(du, k=-1), -1, -2))  # noqa: F821
    t = conj(swapaxes(V, -1, -2)) @ da @ V  # noqa: F821
    unit = eye(shape(w)[-1])  # noqa: F821
    f = (1 - unit) / (expand_dims(w, -2) - expand_dims(w, -1) + unit)  # noqa: F821
    return real(diagonal(t, axis1=-2, axis2=-1)), V @ (f * t)  # noqa: F821


@rule("numpy.linalg.eigvalsh(u)")
def eigvalsh(y, u, du):  # type: ignore[no-untyped-def]
    """dw = diag(V**H dA V)."""
    w, V = eigh(u)  # noqa: F821, N806
    da = tril(du) + conj(swapaxes(tril(du, k=-1), -1, -2))  # noqa: F821
    return real(diagonal(conj(swapaxes(V, -1, -2)) @ da @ V, axis1=-2, axis2=-1))  # noqa: F821


@rule("U, s, W = numpy.linalg.svd(u, full_matrices=True)")
def svd(U, s, W, u, du):  # type: ignore[no-untyped-def]  # noqa: N803
    """ds = diag(t) with t = U.T dA V.

    dU = U (F * (t S + S t.T)) + (1 - U U.T) dA V / S and likewise dV, with F[i, j] = 1 / (s[j]**2 - s[i]**2).  The vectors
    have a derivative for the thin form only; with all of U and V of a matrix that is not square the shapes do not fit.
    """
    V = swapaxes(W, -1, -2)  # noqa: F821, N806
    t = swapaxes(U, -1, -2) @ du @ V  # noqa: F821
    row, column, unit = expand_dims(s, -2), expand_dims(s, -1), eye(shape(s)[-1])  # noqa: F821
    f = (1 - unit) / ((row - column) * (row + column) + unit)
    inverse = where(row == 0, 0, 1 / where(row == 0, 1, row))  # noqa: F821
    p = t * row
    q = column * t
    a = du @ V
    b = swapaxes(du, -1, -2) @ U  # noqa: F821
    dU = U @ (f * (p + swapaxes(p, -1, -2))) + (a - U @ (swapaxes(U, -1, -2) @ a)) * inverse  # noqa: F821, N806
    dV = V @ (f * (q + swapaxes(q, -1, -2))) + (b - V @ (swapaxes(V, -1, -2) @ b)) * inverse  # noqa: F821, N806
    return dU, diagonal(t, axis1=-2, axis2=-1), swapaxes(dV, -1, -2)  # noqa: F821


@rule("s = numpy.linalg.svd(u, full_matrices=True, compute_uv=True)")
@rule("s = numpy.linalg.svdvals(u)")
def singular_values(s, u, du):  # type: ignore[no-untyped-def]
    """ds = diag(U.T dA V)."""
    U, _, W = svd(u, full_matrices=False)  # noqa: F821, N806
    return diagonal(swapaxes(U, -1, -2) @ du @ swapaxes(W, -1, -2), axis1=-2, axis2=-1)  # noqa: F821


@rule("Q, R = numpy.linalg.qr(u)")
def qr(Q, R, u, du):  # type: ignore[no-untyped-def]  # noqa: N803
    """dR = (t - W) R, dQ = (dA R**-1 - Q t) + Q W: t = Q.T dA R**-1, W skew with the lower triangle of t.  m >= n."""
    a = swapaxes(solve(swapaxes(R, -1, -2), swapaxes(du, -1, -2)), -1, -2)  # noqa: F821
    t = swapaxes(Q, -1, -2) @ a  # noqa: F821
    low = tril(t, k=-1)  # noqa: F821
    skew = low - swapaxes(low, -1, -2)  # noqa: F821
    return a - Q @ (t - skew), (t - skew) @ R


@rule("numpy.linalg.pinv(u)")
def pinv(y, u, du):  # type: ignore[no-untyped-def]
    """For a rank that does not change (Golub and Pereyra, 1973)."""
    dh = conj(swapaxes(du, -1, -2))  # noqa: F821
    h = conj(swapaxes(y, -1, -2))  # noqa: F821
    c = dh - dh @ u @ y
    d = dh - y @ u @ dh
    return y @ h @ c + d @ h @ y - y @ du @ y


# -- transposes ---------------------------------------------------------------------------------------------------------

transpose("numpy.linalg.solve(k, a)", "fit(solve(swapaxes(k, -1, -2), bar), a)")
