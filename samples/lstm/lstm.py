"""A long short-term memory in plain NumPy: reads a sequence, answers with one number."""

import numpy as np


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def lstm(W, U, b, xs):
    """Hidden states `h[B,H]` after each step of the batch `xs[T,B,D]`; gates stacked as input, forget, cell, output."""
    H = U.shape[0]
    h = np.zeros((xs.shape[1], H))
    c = np.zeros_like(h)
    states = []
    for x in xs:
        gates = x @ W + h @ U + b
        i = sigmoid(gates[:, :H])
        f = sigmoid(gates[:, H : 2 * H])
        g = np.tanh(gates[:, 2 * H : 3 * H])
        o = sigmoid(gates[:, 3 * H :])
        c = f * c + i * g
        h = o * np.tanh(c)
        states.append(h)
    return states


def loss(W, U, b, v, xs, ys):
    """Mean square error of the answers `states[-1] @ v` to the sequences."""
    states = lstm(W, U, b, xs)
    error = states[-1] @ v - ys
    return np.mean(error**2)
