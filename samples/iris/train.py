"""Fit the regression to Fisher's flowers with the emitted gradient; needs NumPy and SciPy, and nothing else."""

from pathlib import Path

import numpy as np
from reverse import loss_reverse
from scipy.optimize import minimize

HERE = Path(__file__).parent
KINDS = ["setosa", "versicolor", "virginica"]
PENALTY = 1e-3


def flowers():
    """Measurements, standardised, `X[150,4]`, and kinds, one-hot, `Y[150,3]`."""
    rows = [line.split(",") for line in (HERE / "iris.csv").read_text(encoding="utf-8").splitlines()[1:]]
    X = np.array([[float(cell) for cell in row[:4]] for row in rows])
    kinds = np.array([KINDS.index(row[4]) for row in rows])
    return (X - X.mean(axis=0)) / X.std(axis=0), np.eye(3)[kinds]


def fit(X, Y):
    """`(W, b, loss)` at the minimum."""
    split = X.shape[1] * Y.shape[1]
    shape = (X.shape[1], Y.shape[1])

    def value_and_gradient(theta):
        value, (dW, db) = loss_reverse(theta[:split].reshape(shape), theta[split:], X, Y, PENALTY)
        return value, np.concatenate([dW.ravel(), db])

    found = minimize(value_and_gradient, np.zeros(split + Y.shape[1]), jac=True, method="BFGS")
    return found.x[:split].reshape(shape), found.x[split:], found.fun


if __name__ == "__main__":
    X, Y = flowers()
    W, b, loss = fit(X, Y)
    right = np.argmax(X @ W + b, axis=1) == np.argmax(Y, axis=1)
    print(f"loss {loss:.6f}, accuracy {right.sum()}/{right.size}")
