"""How far series are apart when time may be stretched: soft dynamic time warping, on a table that is a list of lists."""

import math

FAR = 1e30  # no path comes from there


def softest(a, b, c, sharpness):
    """The least of three numbers, with its corners rounded."""
    least = min(a, b, c)
    return least - math.log(sum(math.exp(sharpness * (least - d)) for d in (a, b, c))) / sharpness


def warped(u, v, sharpness: float):
    """The squares along the cheapest way to pair up `u` and `v` in order, from their first items to their last ones."""
    table = [[FAR] * (len(v) + 1) for _ in range(len(u) + 1)]
    table[0][0] = 0.0
    for i in range(len(u)):
        for j in range(len(v)):
            before = softest(table[i][j], table[i][j + 1], table[i + 1][j], sharpness)
            table[i + 1][j + 1] = (u[i] - v[j]) ** 2 + before
    return table[-1][-1]


def misfit(centre, observed, sharpness: float):
    """Of one series to all that were observed."""
    return sum(warped(centre, seen, sharpness) for seen in observed)
