"""Bundle adjustment: where a camera sees a point, and how far that is from where it was seen."""

import numpy as np


def rotate(w, p):
    """`p` turned about the axis `w` by the angle `|w|` (Rodrigues' formula)."""
    angle2 = w @ w
    if angle2 < 1e-16:  # the formula divides by the angle; to first order it is this
        return p + np.cross(w, p)
    angle = np.sqrt(angle2)
    axis = w / angle
    c, s = np.cos(angle), np.sin(angle)
    return c * p + s * np.cross(axis, p) + (1.0 - c) * (axis @ p) * axis


def residual(camera, point, pixel):
    """Seen minus measured; `camera` is rotation (3), translation (3), focal length and two of radial distortion."""
    p = rotate(camera[:3], point) + camera[3:6]
    focal, k1, k2 = camera[6:]
    q = -p[:2] / p[2]
    r2 = q @ q
    return focal * (1.0 + k1 * r2 + k2 * r2**2) * q - pixel
