"""A Kalman filter, and the likelihood of its noise levels."""

import numpy as np


def surprise(process, noise, dt, track):
    """Negative log-likelihood of the positions `track[T]` of something that drifts: velocity is a random walk.

    `process` is the standard deviation of its pushes, `noise` that of the measurements.
    """
    F = np.array([[1.0, dt], [0.0, 1.0]])
    g = np.array([0.5 * dt**2, dt])
    Q = process**2 * np.outer(g, g)
    h = np.array([1.0, 0.0])
    x = np.array([track[0], 0.0])
    P = 10.0 * np.eye(2)
    total = 0.0
    for z in track[1:]:
        x = F @ x
        P = F @ P @ F.T + Q
        innovation = z - h @ x
        S = h @ P @ h + noise**2
        K = P @ h / S
        x = x + K * innovation
        P = (np.eye(2) - np.outer(K, h)) @ P
        total += 0.5 * (innovation**2 / S + np.log(2.0 * np.pi * S))
    return total
