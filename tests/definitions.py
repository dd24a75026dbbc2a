"""The helpers and classes that random programs may use."""

from __future__ import annotations

HELPERS = {
    "smooth": """
def smooth(u, k=0.4):
    s = u * 0.5
    if k > 0.3:
        return s + np.tanh(k)
    s = s - k
    return s * s
""",
    "bump": """
def bump(v, k):
    w = v * k
    w[1] = w[0] + k
    w[2:] *= 0.5
    return w
""",
    "scatter": """
def scatter(v, k):
    v[0] = np.sin(v[0]) + k
    v[-1] *= k
    return v[1] * k
""",
    "total": """
def total(items, start=0.0):
    s = start
    for q in items:
        if s > 50.0:
            break
        s += q
    return s
""",
    "tail": """
def tail(v, *, first=1):
    return v[first:]
""",
    "widest": """
def widest(u, v):
    if len(u) > len(v):
        return u
    return v
""",
    "relax": """
def relax(v, omega=0.5, sweeps=2):
    for _ in range(sweeps):
        for i in range(1, len(v) - 1):
            v[i] += omega * (0.5 * (v[i - 1] + v[i + 1]) - v[i])
""",
    "moments": """
def moments(v):
    mean = v.mean()
    return mean, np.mean((v - mean) ** 2)
""",
    "first": """
def first(v, level):
    for i, q in enumerate(v):
        if q > level:
            return q * 2.0 + i
    return level
""",
    "shift": """
def shift(v, k, out=None):
    if out is None:
        out = np.empty_like(v)
    out[1:] = v[:-1]
    out[0] = k
    return out
""",
    "norm": """
def norm(*parts, scale=1.0):
    s = 0
    for p in parts:
        s = s + p * p
    return scale * np.sqrt(s + 0.1)
""",
    "apply": """
def apply(fn, u, times=2):
    for _ in range(times):
        u = fn(u)
    return u
""",
    "power": """
def power(u, n):
    if n == 0:
        return 1.0
    return u * power(u, n - 1)
""",
    "fold": """
def fold(items):
    if len(items) == 0:
        return 0.5
    return np.sin(items[0]) + fold(items[1:]) * 0.5
""",
    "halves": """
def halves(v):
    if len(v) == 1:
        return np.sin(v[0])
    middle = len(v) // 2
    return halves(v[:middle]) + halves(v[middle:]) * v[0]
""",
    "even": """
def even(u, n):
    if n == 0:
        return u
    return odd(np.sin(u) * 1.3, n - 1)


def odd(u, n):
    if n == 0 or abs(u) > 5.0:
        return u * u
    return even(np.cos(u) + u, n - 1)
""",
    "settle": """
def settle(v, i):
    if i == len(v):
        return
    v[i] = np.sin(v[i]) + v[i - 1] * 0.5
    settle(v, i + 1)
""",
    "both": """
def both(u, n):
    if n == 0:
        return u, u * u
    p, q = both(u * 0.5, n - 1)
    return p + q, q * u
""",
    "deep": """
def deep(v, k, n):
    s = 0.0
    for q in v:
        if q > 1.0:
            break
        s += q * k
    if n == 0 or s > 3.0:
        return s
    return s * 0.1 + deep(v * k, np.tanh(s), n - 1)
""",
    "kick": """
def kick(body, k):
    body.k *= k
    body.u[0] += k
    if body.k > 1.0:
        return
    body.seen.append(k)
""",
    "guarded": """
def guarded(v, k):
    with Scaled(v, k):
        if v[0] > 0.3:
            return v[1] * 2.0
        v[2] = k
    return v[2]
""",
    "scaled": """
@contextmanager
def scaled(v, k):
    v *= k
    try:
        yield k * 0.5
    finally:
        v += k
""",
    "announced": """
@contextmanager
def announced(what):
    print("begin", what)
    yield 2.0
    print("end", what)
""",
    "respond": """
def respond(u, mode):
    if mode is Mode.HARD:
        return u * mode.value
    return np.tanh(u) + (0.5 if mode == Mode.SOFT else 0.1)
""",
    "pieces": """
def pieces(v, k):
    for i, q in enumerate(v):
        if q > 1.1:
            continue
        yield q * k + i
    yield k
""",
    "ends": """
def ends(v):
    yield v[0]
    yield v[-1]
""",
    "damped": """
def damped(u, k=None, floor=None):
    if k is None:
        k = u * 0.5
    if floor is not None and u < floor:
        u = floor
    return u * k
""",
    "found": """
def found(v, level):
    for q in v:
        if q > level:
            return q * level
    return None
""",
    "unroll": """
def unroll(u, n):
    if n == 0:
        return [u]
    return [u * 0.5] + unroll(np.sin(u), n - 1)
""",
    "walk": """
def walk(v, i):
    if i == 4:
        return 0.5, v * 0.5
    s, w = walk(v, i + 1)
    return s * v[i] + 0.1, w + s
""",
    "depth": """
def depth(items):
    s = 0.0
    for q in items:
        s += 0.5 * depth(q) if isinstance(q, list) else q
    return s
""",
    "fill": """
def fill(v, low, high, k):
    if high - low < 2:
        v[low] *= k
        return
    middle = (low + high) // 2
    fill(v, low, middle, k)
    fill(v, middle, high, np.tanh(k))
""",
    "careful": """
def careful(u, k):
    try:
        s = math.sqrt(u)
    except ValueError:
        return k * 0.5
    finally:
        print("careful")
    return s * k
""",
    "shout": """
def shout(u):
    print(f"u = {u:.3f}")
    return u * 0.9
""",
    "settled": """
def settled(u, k):
    for _ in range(5):
        if abs(u) < 0.2:
            break
        u = u * 0.5 + k * 0.01
    else:
        return u * k
    return u + k
""",
    "spread": """
def spread(u, v, *, k=0.5):
    return u * k + np.sum(v)
""",
    "warmest": """
def warmest(items):
    best = items[0]
    for item in items[1:]:
        if item.k > best.k:
            best = item
    return best
""",
}

CLASSES = {
    "Body": """
class Body:
    mass = 0.5

    def __init__(self, k, u):
        self.k = k
        self.u = u
        self.seen = [k]

    def energy(self):
        return self.mass * self.k * self.k + np.sum(self.u)

    def step(self, h):
        self.k = self.k + h * self.u[0]
        self.u[1:] *= 0.5
        self.seen.append(self.k)
        return self.energy()

    def until(self, level):
        for i in range(4):
            self.k = self.k * 0.7
            if self.k < level:
                return self.u[i]
        return self.k

    def reset(self, u):
        self.u = u

    @property
    def level(self):
        return np.tanh(self.k)

    def __add__(self, other):
        return Body(self.k + other.k, self.u + other.u)
""",
    "Setting": """
@dataclass
class Setting:
    k: float
    u: np.ndarray
    scale: float = 2.0

    def apply(self, v):
        return self.scale * v + self.k * self.u
""",
    "Point": """
class Point(NamedTuple):
    k: float
    u: np.ndarray

    def norm(self):
        return np.sqrt(self.k**2 + np.sum(self.u * self.u))
""",
    "Double": """
class Double(Body):
    def __init__(self, k, u):
        super().__init__(k * 2.0, u)
        self.peer = None

    @classmethod
    def unit(cls, k):
        return cls(k, np.ones(4))

    @property
    def half(self):
        return self.k * 0.5

    @half.setter
    def half(self, value):
        self.k = value * 2.0

    def energy(self):
        return super().energy() * 0.5

    def __getitem__(self, i):
        return self.u[i] * self.k

    def __setitem__(self, i, value):
        self.u[i] = value

    def __len__(self):
        return len(self.u)

    def __iter__(self):
        for q in self.u:
            yield q * self.k

    def __iadd__(self, other):
        self.k += other
        return self

    def __lt__(self, other):
        return self.k < other.k
""",
    "Cell": """
class Cell:
    def __init__(self, k, w=0.5):
        self.k = k
        self.w = w

    def grow(self, h):
        self.k += h * self.w
        if self.k > 1.0:
            self.w *= 0.5
        return self.k
""",
    "Knot": """
@dataclass
class Knot:
    k: float
    w: float = 0.5

    def grow(self, h):
        self.w = self.w * 0.7 + h
""",
    "Pair": """
class Pair(NamedTuple):
    k: float
    w: float
""",
    "Gain": """
class Gain:
    def __init__(self, k):
        self.k = k

    def __call__(self, u):
        self.k = self.k + 0.1 * u
        return self.k * u
""",
    "Scaled": """
class Scaled:
    def __init__(self, v, k):
        self.v = v
        self.k = k

    def __enter__(self):
        self.v *= self.k
        return self

    def __exit__(self, *exc):
        self.v += self.k
""",
    "Mode": """
class Mode(Enum):
    SOFT = 0.5
    HARD = 2.0
""",
    "Stop": """
class Stop(Exception):
    pass
""",
}
IMPORTS = {
    "itertools.": "import itertools",
    "functools.": "import functools",
    "deque(": "from collections import deque",
    "@contextmanager": "from contextlib import contextmanager",
    "@dataclass": "from dataclasses import dataclass",
    "(Enum)": "from enum import Enum",
    "NamedTuple": "from typing import NamedTuple",
}
