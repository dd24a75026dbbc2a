"""Kepler's equation by Newton's method, and what it is for: the velocity of a star that a planet pulls."""

from math import cos, pi, sin, sqrt


def eccentric_anomaly(mean: float, e: float) -> float:
    """`E` with `E - e sin(E) = mean`."""
    E = mean if e < 0.8 else pi
    trips = 0
    while True:
        step = (E - e * sin(E) - mean) / (1.0 - e * cos(E))
        E -= step
        trips += 1
        if abs(step) < 1e-10 or trips == 30:
            break
    return E


def velocity(time: float, period: float, passage: float, e: float, w: float, height: float, drift: float) -> float:
    """Radial velocity of the star; `passage`: time of periastron, `w`: its argument."""
    mean = (2.0 * pi * (time - passage) / period) % (2.0 * pi)
    E = eccentric_anomaly(mean, e)
    near = 1.0 - e * cos(E)
    cos_v = (cos(E) - e) / near
    sin_v = sqrt(1.0 - e * e) * sin(E) / near
    return drift + height * (cos(w) * (cos_v + e) - sin(w) * sin_v)
