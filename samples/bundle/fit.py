"""Adjust cameras and points to what was seen with the emitted derivative; needs NumPy and SciPy, and nothing else."""

import numpy as np
from reverse import residual_reverse
from scipy.optimize import least_squares

CAMERAS, POINTS = 4, 12
PAIRS = [(c, p) for c in range(CAMERAS) for p in range(POINTS)]
BARS = np.eye(2)


def scene(rng):
    """Cameras `[C,9]` around points `[P,3]`, and the pixels seen, with noise."""
    points = rng.uniform(-1.0, 1.0, (POINTS, 3))
    cameras = np.zeros((CAMERAS, 9))
    cameras[:, 1] = np.linspace(-0.4, 0.4, CAMERAS)  # the first axis of freedom: turned about y
    cameras[1:, :3] += rng.normal(0.0, 0.05, (CAMERAS - 1, 3))
    cameras[:, 5] = -6.0
    cameras[:, 6:] = 500.0, -0.1, 0.02
    seen = [residual_reverse(cameras[c], points[p], np.zeros(2), BARS[0])[0] for c, p in PAIRS]
    return cameras, points, np.array(seen) + rng.normal(0.0, 0.2, (len(PAIRS), 2))


def parts(theta):
    split = 9 * CAMERAS
    return theta[:split].reshape(-1, 9), theta[split:].reshape(-1, 3)


def residuals(theta, seen):
    cameras, points = parts(theta)
    return np.concatenate(
        [residual_reverse(cameras[c], points[p], xy, BARS[0])[0] for (c, p), xy in zip(PAIRS, seen, strict=True)]
    )


def jacobian(theta, seen):
    """Two rows for each observation; only its camera and its point are in them."""
    cameras, points = parts(theta)
    J = np.zeros((2 * len(PAIRS), theta.size))
    for n, ((c, p), xy) in enumerate(zip(PAIRS, seen, strict=True)):
        for k, bar in enumerate(BARS):
            _, (dcamera, dpoint) = residual_reverse(cameras[c], points[p], xy, bar)
            J[2 * n + k, 9 * c : 9 * c + 9] = dcamera
            first = 9 * CAMERAS + 3 * p
            J[2 * n + k, first : first + 3] = dpoint
    return J


def adjust(rng):
    """Root mean square error in pixels before and after, from a disturbed start whose first camera is not turned at all."""
    cameras, points, seen = scene(rng)
    cameras[:, :3] += rng.normal(0.0, 0.01, (CAMERAS, 3))
    cameras[:, 3:6] += rng.normal(0.0, 0.03, (CAMERAS, 3))
    cameras[0, :3] = 0.0
    points = points + rng.normal(0.0, 0.03, points.shape)
    theta = np.concatenate([cameras.ravel(), points.ravel()])
    found = least_squares(residuals, theta, jacobian, x_scale="jac", args=(seen,))
    return tuple(np.sqrt(2 * np.mean(residuals(t, seen) ** 2)) for t in (theta, found.x))


if __name__ == "__main__":
    before, after = adjust(np.random.default_rng(3))
    print(f"reprojection error: {before:.2f} pixels before, {after:.3f} after")
