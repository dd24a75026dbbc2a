"""The basic tensor operations.  `Y[I,N] = U[I,N] + B[I]` in the comments: axes in brackets, repeated ones are summed."""


def add(U, V):
    # Y[I] = U[I] + V[I]
    Y = U + V
    return Y


def bias(U, B):
    # Y[I,N] = U[I,N] + B[I]: one batch member a column
    Y = U + B[:, None]
    return Y


def bias_rows(X, b):
    # Y[N,I] = X[N,I] + b[I]: one batch member a row
    Y = X + b
    return Y


def matvec(W, V):
    # Y[I] = W[I,J] V[J]
    Y = W @ V
    return Y


def matmat(W, V):
    # Y[I,N] = W[I,J] V[J,N]
    Y = W @ V
    return Y
