"""Softmax regression: which of K kinds a flower is, from F measurements."""

import numpy as np


def loss(W, b, X, Y, penalty):
    """Mean cross-entropy of the N flowers `X[N,F]`, whose kinds are the rows of `Y[N,K]`, plus an L2 penalty on `W[F,K]`."""
    scores = X @ W + b
    scores = scores - scores.max(axis=1, keepdims=True)
    total = np.log(np.sum(np.exp(scores), axis=1))
    surprise = total - np.sum(scores * Y, axis=1)
    return np.mean(surprise) + penalty * np.sum(W * W)
