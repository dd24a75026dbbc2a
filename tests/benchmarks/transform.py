"""How long the transformer itself takes: loading it, the first transformation of a process, and later ones.

    python tests/benchmarks/transform.py [rounds]

Each round is a process of its own, for nothing may have been read before.  The best of the rounds counts: this is about what
the work costs, not about what else the machine does.  The byte code of the package is there, as it is where it is installed: a
round that does not count writes it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

ROUNDS = 20


def membrane(u: Any, v: Any, tension: float, damping: float, steps: int) -> Any:
    """A drum that is struck and rings: its energy at the end, and how far the middle has swung."""
    n = u.shape[0]
    h = 1.0 / n
    dt = 0.5 * h
    u = u.copy()
    v = v.copy()
    history = []
    swing = 0.0
    for _ in range(steps):
        bend = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4.0 * u[1:-1, 1:-1]
        pull = tension * bend / (h * h)
        v[1:-1, 1:-1] += dt * (pull - damping * v[1:-1, 1:-1])
        u += dt * v
        for i in range(n):
            u[i, 0] = 0.5 * u[i, 1]
            u[i, -1] = 0.5 * u[i, -2]
        middle = u[n // 2, n // 2]
        if middle > 0.5:
            v *= np.exp(-middle)
        elif middle < -0.5:
            v *= np.exp(middle)
        swing += np.sqrt(1.0 + middle**2)
        history.append(middle)
    motion = 0.5 * np.sum(v**2)
    slope = np.maximum(np.abs(u[1:] - u[:-1]), 1e-9)
    stretch = np.mean(np.tanh(slope) * slope)
    energy = motion + tension * stretch
    late = sum(history[-2:])
    return np.log(energy) + 0.01 * swing + late * late


def contract(spot: Any, strike: float, rate: float, vol: Any, years: float) -> Any:
    """A straight line through NumPy: what a book of barrier options, hedged in part, is worth."""
    root = vol * np.sqrt(years)
    moneyness = np.log(spot / strike)
    drift = (rate + 0.5 * vol**2) * years
    d1 = (moneyness + drift) / root
    d2 = d1 - root
    near = 0.5 * (1.0 + np.tanh(0.8 * d1 + 0.04 * d1**3))
    far = 0.5 * (1.0 + np.tanh(0.8 * d2 + 0.04 * d2**3))
    discount = np.exp(-rate * years)
    call = spot * near - strike * discount * far
    put = call - spot + strike * discount
    barrier = strike * np.exp(-0.5 * vol)
    alive = np.where(spot > barrier, 1.0 - (barrier / spot) ** 2, 0.0)
    smooth = np.maximum(alive, 1e-6)
    knocked = call * smooth
    weights = np.exp(-(moneyness**2))
    weights = weights / np.sum(weights)
    book = weights @ knocked
    cover = np.dot(weights, put)
    ratio = book / (1.0 + cover)
    delta = near * smooth
    spread = np.mean((delta - np.mean(delta)) ** 2)
    first, last = knocked[0], knocked[-1]
    slope = (last - first) / (spot[-1] - spot[0])
    steps = np.diff(knocked)
    rough = np.sqrt(np.sum(steps * steps) + 1e-12)
    share = np.clip(ratio, 0.0, 0.9)
    total = book - share * cover
    penalty = 0.1 * spread + 0.01 * rough
    bonus = np.cos(slope) * 0.05
    return total - penalty + bonus + np.log1p(book**2)


def arguments() -> tuple[Any, ...]:
    """Small ones: running the emitted code must not count."""
    grid = np.linspace(0.0, 1.0, 6)
    return np.outer(grid, 1.0 - grid), np.zeros((6, 6)), 0.3, 0.1, 2


def straight() -> dict[str, float]:
    """The same for the first transformation of a straight line alone."""
    global np
    import numpy as np

    import adtransform as ad

    args = np.linspace(80.0, 120.0, 5), 100.0, 0.02, np.full(5, 0.2), 1.5
    first = ad.grad(contract, wrt=(0, 1, 2, 3, 4))
    spent = []
    for _ in range(2):
        start = time.perf_counter()
        first(*args)
        spent.append(time.perf_counter() - start)
    return {"first transformation, straight line": spent[0] - spent[1]}


def once() -> dict[str, float]:
    """Loading and transforming, in this process: seconds."""
    global np
    import numpy as np

    spent: dict[str, float] = {}

    def clocked(name: str, work: Any) -> Any:
        start = time.perf_counter()
        result = work()
        spent[name] = time.perf_counter() - start
        return result

    ad = clocked("import adtransform", lambda: __import__("adtransform"))
    args = arguments()
    first = clocked("grad", lambda: ad.grad(membrane, wrt=(0, 1, 2, 3)))
    clocked("first call", lambda: first(*args))
    clocked("repeated call", lambda: first(*args))
    for name, make in (("grad", ad.grad), ("value_and_grad", ad.value_and_grad)):
        again = make(membrane, wrt=(0, 1, 2))
        clocked(f"{name} of other arguments", lambda again=again: again(*args))
    clocked("vjp", lambda: ad.vjp(membrane, *args, wrt=(0, 1, 2, 3)))
    clocked("jvp", lambda: ad.jvp(membrane, args, args[:4], wrt=(0, 1, 2, 3)))
    clocked("hvp", lambda: ad.hvp(membrane)(args[0], args[0], *args[1:]))
    return spent


def main(rounds: int) -> None:
    """Run the rounds and print the best of each."""
    with tempfile.TemporaryDirectory() as folder:
        here = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": ""}
        found: list[dict[str, float]] = []
        for _ in range(rounds + 1):
            found.append({})
            for part in ("once", "straight"):
                done = subprocess.run([sys.executable, __file__, part], env=here, capture_output=True, text=True, check=True)
                found[-1] |= json.loads(done.stdout)
    for spent in found:
        spent["first transformation, all told"] = spent["grad"] + spent["first call"] - spent["repeated call"]
    for name in found[0]:
        print(f"{name:36s} {1e3 * min(spent[name] for spent in found[1:]):8.1f} ms")


if __name__ == "__main__":
    if sys.argv[1:] in (["once"], ["straight"]):
        print(json.dumps(once() if sys.argv[1] == "once" else straight()))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
