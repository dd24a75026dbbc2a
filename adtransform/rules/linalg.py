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


@rule("moved_cofactors(u, v, det)", structural=True)
def moved_cofactors(y, u, v, du, dv, det):
    """Of y = t * c - c @ u.T @ x, with x = inv(v).T, the cofactors c = det * x, and t the sum of x * u."""
    x = swapaxes(inv(v), -1, -2)
    c = cofactors(v, det)
    dx = -(x @ swapaxes(dv, -1, -2) @ x)
    dc = moved_cofactors(dv, v, det)
    t = expand(sum(x * u, axis=(-2, -1), keepdims=True), y)
    dt = expand(sum(dx * u, axis=(-2, -1), keepdims=True), y)
    turned = dc @ swapaxes(u, -1, -2) @ x + c @ swapaxes(u, -1, -2) @ dx
    return moved_cofactors(du, v, det) + dt * c + t * dc - turned


@rule("s, l = numpy.linalg.slogdet(u)")
def slogdet(s, l, u, du):
    """The sign of a real determinant is a step; that of a complex one turns."""
    t = sum(swapaxes(inverse(u), -1, -2) * du, axis=(-2, -1))
    return s * (t - real(t)), real(t)


@rule("numpy.linalg.cholesky(u)")
def cholesky(y, u, du):
    """dL = L * low(L**-1 dA L**-H), where `low` halves the diagonal of the lower triangle."""
    da = tril(du) + conj(swapaxes(tril(du, k=-1), -1, -2))
    t = solve(y, conj(swapaxes(solve(y, da), -1, -2)))
    half = tril(ones_like(y)) - cast(0.5 * eye(shape(y)[-1]), y)
    return y @ (half * t)


@rule("w, V = numpy.linalg.eigh(u, UPLO='L')")
def eigh(w, V, u, du, UPLO):
    """dw = diag(t), dV = V (F * t) with t = V**H dA V and F[i, j] = 1 / (w[j] - w[i]) off the diagonal."""
    half, rest = (tril(du), tril(du, k=-1)) if UPLO == "L" else (triu(du), triu(du, k=1))
    da = half + conj(swapaxes(rest, -1, -2))
    t = conj(swapaxes(V, -1, -2)) @ da @ V
    unit = cast(eye(shape(w)[-1]), w)
    f = (1 - unit) / (expand_dims(w, -2) - expand_dims(w, -1) + unit)
    return real(diagonal(t, axis1=-2, axis2=-1)), V @ (f * t)


@rule("numpy.linalg.eigvalsh(u, UPLO='L')")
def eigvalsh(y, u, du, UPLO):
    """dw = diag(V**H dA V)."""
    _, V = eigh(u, UPLO=UPLO)
    half, rest = (tril(du), tril(du, k=-1)) if UPLO == "L" else (triu(du), triu(du, k=1))
    da = half + conj(swapaxes(rest, -1, -2))
    return real(diagonal(conj(swapaxes(V, -1, -2)) @ da @ V, axis1=-2, axis2=-1))


@rule("w, V = numpy.linalg.eig(u)")
def eig(w, V, u, du):
    """dw = diag(t) with t = V**-1 dA V, dV = V (F * t), less what would change the length of a vector or its phase.

    The vectors have length 1, and the component of each that is the largest is real.
    """
    t = solve(V, du @ V)
    unit = cast(eye(shape(w)[-1]), w)
    f = (1 - unit) / (expand_dims(w, -2) - expand_dims(w, -1) + unit)
    dV = V @ (f * t)
    k = argmax(absolute(V), axis=-2, keepdims=True)
    longer = real(sum(conj(V) * dV, axis=-2, keepdims=True))
    turned = imag(take_along_axis(dV, k, axis=-2) / take_along_axis(V, k, axis=-2))
    return diagonal(t, axis1=-2, axis2=-1), dV - V * expand(cast(longer + 1j * turned, V), V)


@rule("numpy.linalg.eigvals(u)")
def eigvals(y, u, du):
    """dw = diag(V**-1 dA V)."""
    _, V = eig(u)
    return diagonal(solve(V, du @ V), axis1=-2, axis2=-1)


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


@rule("numpy.linalg.qr(u, mode='r')")
def triangular_factor(y, u, du, mode):
    """dR = (t - W) R, as above."""
    Q = swapaxes(solve(swapaxes(y, -1, -2), swapaxes(u, -1, -2)), -1, -2)
    t = swapaxes(Q, -1, -2) @ swapaxes(solve(swapaxes(y, -1, -2), swapaxes(du, -1, -2)), -1, -2)
    low = tril(t, k=-1)
    return (t - low + swapaxes(low, -1, -2)) @ y


@rule("x, r, n, s = numpy.linalg.lstsq(u, v, rcond=None)")
def lstsq(x, r, n, s, u, v, du, dv, rcond):
    """That of x = P v, P the pseudo-inverse; the residual changes as it would if x stayed.  The rank is a step."""
    P = pinv(u)
    rest = v - u @ x
    drest = dv - du @ x
    a = swapaxes(du, -1, -2) @ (P.T @ x)
    dx = P @ drest + P @ (P.T @ (swapaxes(du, -1, -2) @ rest)) + a - P @ (u @ a)
    dr = 2 * sum(rest * drest, axis=0)
    U, _, W = svd(u, full_matrices=False)
    return dx, ravel(dr)[: size(r)], 0.0, diagonal(U.T @ du @ W.T)


@rule("numpy.linalg.cond(u)")
def cond(y, u, du):
    """The quotient of the largest singular value and the least."""
    U, s, W = svd(u, full_matrices=False)
    t = diagonal(swapaxes(U, -1, -2) @ du @ swapaxes(W, -1, -2), axis1=-2, axis2=-1) / s
    return y * (t[..., 0] - t[..., -1])


@rule("numpy.linalg.matrix_power(u, k)")
def matrix_power(y, u, du, k):
    """Each factor in its turn; of an inverse, where the power is negative."""
    a = inv(u) if k < 0 else u
    da = -a @ du @ a if k < 0 else du
    power, d = (a, da) if k else (a, 0 * da)
    for _ in (0,) * ((-k if k < 0 else k) - 1):
        d = power @ da + d @ a
        power = power @ a
    return d


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
