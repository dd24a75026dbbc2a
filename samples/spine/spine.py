"""Rods that cool: every construct that is hard to differentiate, in one short function."""

import numpy as np


def roughness(row):
    bend = row[2:] - 2.0 * row[1:-1] + row[:-2]
    return np.sum(bend * bend)


def make_cooling(limit):
    def cool(u, c):
        """What remains of the rods `u[rod, place]` when each has diffused, with coefficient `c`, until it is smooth."""
        seen = []
        for i in range(u.shape[0]):
            row = u[i]  # a view: writing it writes u
            rough = roughness(row)
            steps = 0
            while rough > limit:
                row[1:-1] += c * (row[2:] - 2.0 * row[1:-1] + row[:-2])
                rough = roughness(row)
                steps += 1
                if steps == 6:
                    break
            if rough > 1000.0:  # c is too large: give up
                return rough * c
            if row[0] > row[-1]:
                row[0] *= 0.5
            seen.append(rough)
        y = u.mean(axis=0)
        z = y  # an alias: both are doubled
        z *= 2
        total = np.sum(y * z)
        for k in range(len(seen)):
            total += seen[k] * u[k, 0]
        return total

    return cool


cool = make_cooling(0.04)
