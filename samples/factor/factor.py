"""Two factorisations by hand, in place: Cholesky for the density of a Gaussian, LU for a linear system."""

import numpy as np


def cholesky(A):
    """Overwrite the lower triangle of `A` with its Cholesky factor, column by column."""
    n = len(A)
    for j in range(n):
        A[j, j] = np.sqrt(A[j, j] - np.dot(A[j, :j], A[j, :j]))
        for i in range(j + 1, n):
            A[i, j] = (A[i, j] - np.dot(A[i, :j], A[j, :j])) / A[j, j]


def log_density(covariance, mean, x):
    """Log-density at `x` of the normal distribution."""
    n = len(x)
    L = covariance.copy()
    cholesky(L)
    z = x - mean
    log_det = 0.0
    for i in range(n):  # forward substitution, in place
        z[i] = (z[i] - L[i, :i] @ z[:i]) / L[i, i]
        log_det += 2.0 * np.log(L[i, i])
    return -0.5 * (np.sum(z**2) + log_det + n * np.log(2.0 * np.pi))


def solve(A, b):
    """`x` with `A x = b`, by LU without pivots (Doolittle), then two triangular solves."""
    n = len(b)
    LU = A.copy()
    for k in range(n):
        for i in range(k + 1, n):
            LU[i, k] /= LU[k, k]
            LU[i, k + 1 :] -= LU[i, k] * LU[k, k + 1 :]
    x = b.copy()
    for i in range(1, n):
        x[i] -= np.dot(LU[i, :i], x[:i])
    for i in reversed(range(n)):
        x[i] = (x[i] - np.dot(LU[i, i + 1 :], x[i + 1 :])) / LU[i, i]
    return x
