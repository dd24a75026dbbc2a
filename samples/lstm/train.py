"""Train the network to remember: the answer is what came in when the flag was up; needs NumPy and SciPy, and nothing else."""

import numpy as np
from reverse import loss_reverse
from scipy.optimize import minimize

T, B, D, H = 8, 64, 2, 6
SHAPES = [(D, 4 * H), (H, 4 * H), (4 * H,), (H,)]


def sequences(rng):
    """Numbers with a flag that is up once, `xs[T,B,2]`, and the flagged numbers `ys[B]`."""
    xs = np.zeros((T, B, D))
    xs[:, :, 0] = rng.uniform(-1.0, 1.0, (T, B))
    flagged = rng.integers(0, T, B)
    xs[flagged, np.arange(B), 1] = 1.0
    return xs, xs[flagged, np.arange(B), 0]


def unpacked(theta):
    """The parameters `W, U, b, v` in one vector."""
    ends = np.cumsum([np.prod(s) for s in SHAPES])[:-1]
    return [part.reshape(s) for part, s in zip(np.split(theta, ends), SHAPES, strict=True)]


def train(rng, steps=150):
    """Loss before and after."""
    xs, ys = sequences(rng)
    theta = rng.normal(0.0, 0.3, sum(int(np.prod(s)) for s in SHAPES))

    def value_and_gradient(theta):
        value, gradients = loss_reverse(*unpacked(theta), xs, ys)
        return value, np.concatenate([g.ravel() for g in gradients])

    found = minimize(value_and_gradient, theta, jac=True, method="L-BFGS-B", options={"maxiter": steps})
    return value_and_gradient(theta)[0], found.fun


if __name__ == "__main__":
    before, after = train(np.random.default_rng(1))
    print(f"loss {before:.4f} before, {after:.6f} after")
