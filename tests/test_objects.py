"""Objects of user classes: in both modes and at second order against differences, and the caller's objects untouched."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import adtransform as ad
from adtransform import pipeline
from adtransform.source import from_path

G = 9.81
X = np.array([0.7, 1.3, 0.4])


# --- classes as their users write them


class Particle:
    """Attributes set by `__init__` and by methods, arrays written in place, a history."""

    mass = 2.0

    def __init__(self, x: Any, v: Any, m: Any = 1.0) -> None:
        self.x = x
        self.v = v
        self.m = m
        self.history: list[Any] = []

    def energy(self) -> Any:
        return 0.5 * self.m * np.sum(self.v**2) + G * self.m * self.x[0]

    def other_energy(self) -> Any:
        return 5.0 * self.x[0]

    def step(self, dt: float, force: Any) -> None:
        self.v = self.v + dt * force / self.m
        self.x += dt * self.v
        self.history.append(self.energy())

    @property
    def speed(self) -> Any:
        return np.sqrt(np.sum(self.v**2))

    @speed.setter
    def speed(self, value: Any) -> None:
        self.v = self.v * value

    @staticmethod
    def unit(n: int) -> Any:
        return np.ones(n)

    @classmethod
    def resting(cls, x: Any) -> Particle:
        return cls(x, np.zeros(3), cls.mass)


def particle(x: Any) -> Any:
    p = Particle(x * 1.0, np.ones(3) * x[0])
    for _ in range(3):
        p.step(0.1, -p.x)
    return p.energy() + p.speed + p.history[0] * p.history[-1]


def aliases_of_attributes(x: Any) -> Any:
    p = Particle.resting(x)
    p.v += x * 2
    q = p
    velocity = p.v
    q.v *= Particle.unit(3) * x
    velocity[1] = x[2]
    p.speed = 1.5
    velocity[0] = 100.0
    return p.energy() * q.speed + velocity[1]


def kick(p: Particle, k: Any) -> None:
    p.v = p.v * k
    p.x[0] = k


def mutated_by_a_helper(x: Any) -> Any:
    p = Particle(x * 1.0, x * 2.0)
    if x[0] > 0.5:
        kick(p, x[1])
    else:
        p = Particle(x * 3.0, x * x, 2.0)
    while p.energy() < 100.0:
        kick(p, 1.5)
        if p.energy() > 50:
            break
    return p.energy() + np.sum(p.x)


def made_anew_in_a_loop(x: Any) -> Any:
    p = Particle(x, x * x)
    q = p
    for i in range(4):
        p = Particle(p.x + 0.1 * p.v, -p.x * i, p.m * 1.5)
        q = p if i == 1 else q
    return p.energy() * q.energy()


class Layer:
    def __init__(self, w: Any, b: Any) -> None:
        self.w = w
        self.b = b

    def forward(self, x: Any) -> Any:
        return self.w @ x + self.b

    def __call__(self, x: Any) -> Any:
        return self.forward(x)


class Tanh(Layer):
    def __init__(self, w: Any, b: Any, scale: float = 1.0) -> None:
        super().__init__(w, b)
        self.scale = scale

    def forward(self, x: Any) -> Any:
        return self.scale * np.tanh(super().forward(x))


class Network:
    def __init__(self, layers: list[Layer]) -> None:
        self.layers = layers
        self.calls = 0

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        self.calls += 1
        return x


def network(x: Any) -> Any:
    net = Network([Tanh(np.outer(x, x), x), Layer(np.eye(3) * x[0], 0.5), Tanh(np.ones((2, 3)), x[:2], scale=2.0)])
    return np.sum(net(x) * net(x * 2.0)) * net.calls


class Descent:
    """An optimiser that writes its own weights."""

    def __init__(self, w: Any, rate: float) -> None:
        self.w = w
        self.rate = rate
        self.momentum = np.zeros(3)

    def step(self, slope: Callable[[Any], Any]) -> None:
        self.momentum *= 0.9
        self.momentum += slope(self.w)
        self.w = self.w - self.rate * self.momentum


def optimised(x: Any) -> Any:
    found = Descent(x, 0.05)
    for _ in range(10):
        found.step(lambda w: 2.0 * w - np.sin(x) + w**3)
    return np.sum(found.w**2)


class Body:
    def __init__(self, m: Any, pos: Any, vel: Any) -> None:
        self.m = m
        self.pos = pos
        self.vel = vel
        self.acc = np.zeros(2)


class System:
    """N bodies, leapfrog."""

    def __init__(self, bodies: list[Body]) -> None:
        self.bodies = bodies
        self.t = 0.0

    def forces(self) -> None:
        for b in self.bodies:
            b.acc = np.zeros(2)
        for i, a in enumerate(self.bodies):
            for b in self.bodies[i + 1 :]:
                d = b.pos - a.pos
                r3 = (np.sum(d * d) + 0.01) ** 1.5
                a.acc += b.m * d / r3
                b.acc -= a.m * d / r3

    def step(self, dt: float) -> None:
        for b in self.bodies:
            b.vel += 0.5 * dt * b.acc
            b.pos += dt * b.vel
        self.forces()
        for b in self.bodies:
            b.vel += 0.5 * dt * b.acc
        self.t += dt

    def energy(self) -> Any:
        return sum(0.5 * b.m * np.sum(b.vel**2) for b in self.bodies)


def orbits(x: Any) -> Any:
    system = System(
        [
            Body(1.0, x[:2].copy(), np.zeros(2)),
            Body(0.5, np.array([1.0, x[2]]), np.array([0.0, 1.0])),
            Body(0.3, -1.0 * x[1:3], np.array([0.0, -1.0])),
        ]
    )
    system.forces()
    for _ in range(5):
        system.step(0.05)
    return system.energy() + system.t


class Vec3:
    __array_ufunc__ = None

    def __init__(self, x: Any, y: Any, z: Any) -> None:
        self.x, self.y, self.z = x, y, z

    def __add__(self, o: Vec3) -> Vec3:
        return Vec3(self.x + o.x, self.y + o.y, self.z + o.z)

    def __radd__(self, o: Any) -> Vec3:
        return self

    def __sub__(self, o: Vec3) -> Vec3:
        return self + -o

    def __mul__(self, o: Any) -> Any:
        if isinstance(o, Vec3):
            return self.x * o.x + self.y * o.y + self.z * o.z
        return Vec3(self.x * o, self.y * o, self.z * o)

    __rmul__ = __mul__

    def __truediv__(self, k: Any) -> Vec3:
        return self * (1.0 / k)

    def __neg__(self) -> Vec3:
        return Vec3(-self.x, -self.y, -self.z)

    def __abs__(self) -> Any:
        return np.sqrt(self * self)

    def __getitem__(self, i: int) -> Any:
        return (self.x, self.y, self.z)[i]

    def __setitem__(self, i: int, value: Any) -> None:
        if i == 0:
            self.x = value
        elif i == 1:
            self.y = value
        else:
            self.z = value

    def __len__(self) -> int:
        return 3

    def __bool__(self) -> bool:
        return True

    def cross(self, o: Vec3) -> Vec3:
        return Vec3(self.y * o.z - self.z * o.y, self.z * o.x - self.x * o.z, self.x * o.y - self.y * o.x)


def vectors(x: Any) -> Any:
    v, w = Vec3(x[0], x[1], 1.0), Vec3(x[2], 2.0, x[0])
    u = x[1] * v + w / x[1] - (-v).cross(w)
    for _ in range(4):
        u = u * 0.5 + v
        u += w
    u[1] = u[0] * u[2]
    total = sum([u, v, w])
    return abs(u) + u[0] * len(u) + total.x * (u * v) + (u[1] if u else 0.0)


class Kalman:
    """One dimension, position and velocity."""

    def __init__(self, q: Any, r: Any) -> None:
        self.x = np.zeros(2)
        self.P = np.eye(2)
        self.F = np.array([[1.0, 0.1], [0.0, 1.0]])
        self.Q = q * np.eye(2)
        self.R = r
        self.misfit = 0.0

    def predict(self) -> None:
        self.x = self.F @ self.x
        self.P = self.F @ self.P @ self.F.T + self.Q

    def update(self, z: Any) -> None:
        innovation = z - self.x[0]
        s = self.P[0, 0] + self.R
        gain = self.P[:, 0] / s
        self.x = self.x + gain * innovation
        self.P = self.P - np.outer(gain, self.P[0])
        self.misfit += 0.5 * (np.log(s) + innovation**2 / s)


def filtered(x: Any) -> Any:
    kalman = Kalman(x[0] ** 2, x[1] ** 2)
    for k in range(6):
        kalman.predict()
        kalman.update(np.sin(0.3 * k) * x[2])
    return kalman.misfit


# --- dataclasses and named tuples


@dataclass
class Base:
    a: Any
    b: Any = 2.0


@dataclass
class Derived(Base):
    c: list[Any] = field(default_factory=list)
    d: Any = field(init=False)
    e: Any = field(default=3.0, kw_only=True)

    def __post_init__(self) -> None:
        self.d = self.a * self.b


@dataclass(frozen=True)
class Fixed:
    a: Any
    b: Any = 1.0
    c: Any = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "c", self.a * 3.0)

    def scaled(self, k: Any) -> Fixed:
        return replace(self, a=self.a * k)


def dataclasses_of_all_kinds(x: Any) -> Any:
    p = Derived(x[0], e=x[2])
    p.c.append(p.d * p.e)
    q = Derived(b=p.d, a=x[1])
    f = Fixed(x[0]).scaled(x[1])
    return q.d * p.c[0] + len(q.c) + q.e * f.a + f.b * f.c


class Pair(NamedTuple):
    x: Any
    y: Any = 1.0

    def dot(self, o: Pair) -> Any:
        return self.x * o.x + self.y * o.y

    def __mul__(self, k: Any) -> Pair:  # type: ignore[override]
        return Pair(self.x * k, self.y * k)

    @property
    def norm(self) -> Any:
        return np.sqrt(self.dot(self))


def named_tuples(x: Any) -> Any:
    v = Pair(x[0], x[1]) * x[2]
    w = Pair(x[1])._replace(y=x[0] ** 2)
    for _ in range(3):
        w = Pair(w.y * v.x, w.x)
    return v.dot(w) + w.norm + v[0] + sum(v)


class Counter:
    """Branches, early returns, `hasattr` and copies."""

    def __init__(self) -> None:
        self.total = 0.0
        self.seen = {"last": 1.0}

    def add(self, v: Any) -> Counter:
        if v < 0.5:
            self.total -= v
            return self
        self.total += v * v
        self.seen["last"] = v
        return self


def chained(x: Any) -> Any:
    c = Counter().add(x[0]).add(x[1]).add(x[2])
    before = copy.copy(c)
    deep = copy.deepcopy(c)
    c.add(2.0 * x[0])
    deep.seen["last"] = 10.0 * x[1]
    kept = 1.0 if hasattr(c, "total") and not hasattr(c, "other") else 0.0
    return c.total * before.total + before.seen["last"] * deep.seen["last"] + kept * c.total + getattr(c, "no", 3.0)


class Activation(Enum):
    NONE = 0
    SQUARE = 1


class Private:
    """Attributes of the class's own, in a class and one derived from it."""

    def __init__(self, x: Any) -> None:
        self.__x = x

    def __twice(self) -> Any:
        return self.__x * 2.0

    def doubled(self) -> Any:
        self.__x += 1.0
        return self.__twice()


class MorePrivate(Private):
    __k = 3.0

    def __init__(self, x: Any, kind: Activation = Activation.SQUARE) -> None:
        super().__init__(x)
        self.__x = x * x
        self.kind = kind

    def both(self) -> Any:
        return self.__x * self.doubled() * self.__k if self.kind is Activation.SQUARE else self.__x


class Chain:
    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def __call__(self, x: Any) -> Any:
        for part in self.parts:
            x = part(x)
        return x


class Tree:
    """Objects that know each other."""

    def __init__(self, v: Any, parent: Tree | None = None) -> None:
        self.v = v
        self.parent = parent
        self.children: list[Tree] = []
        if parent is not None:
            parent.children.append(self)

    def total(self) -> Any:
        return self.v + sum(c.total() ** 2 for c in self.children)


def private_names_and_enumerations(x: Any) -> Any:
    return MorePrivate(x[0]).both() + MorePrivate(x[1], kind=Activation.NONE).both() * MorePrivate(x[2]).doubled()


def nested_calls_of_one_method(x: Any) -> Any:
    chain = Chain(np.tanh, lambda z: z * x, Chain(np.exp, Chain(lambda z: z + x[0], np.sin)))
    return np.sum(chain(x))


def objects_that_know_each_other(x: Any) -> Any:
    root = Tree(x[0])
    left, right = Tree(x[1], root), Tree(x[2], root)
    leaf = Tree(x[0] * x[1], left)
    left.v = left.v + right.parent.v
    for _ in range(3):
        leaf.parent.parent.v = leaf.parent.parent.v * 1.1
    if x[0] > 0.5:
        right.v = root.v
    return root.total()


CASES = [
    private_names_and_enumerations,
    nested_calls_of_one_method,
    objects_that_know_each_other,
    particle,
    aliases_of_attributes,
    mutated_by_a_helper,
    made_anew_in_a_loop,
    network,
    optimised,
    orbits,
    vectors,
    filtered,
    dataclasses_of_all_kinds,
    named_tuples,
    chained,
]


@pytest.mark.parametrize("f", CASES, ids=lambda f: f.__name__)
def test_made_inside(f: Callable[[Any], Any]) -> None:
    before = X.copy()
    assert ad.value_and_grad(f)(X)[0] == f(X.copy())
    ad.check_grads(f, (X,), order=2)
    np.testing.assert_array_equal(X, before)


# --- objects as arguments


def moved(p: Particle) -> Any:
    p.x = p.x * 2.0
    p.v += p.x
    p.step(0.1, p.v)
    return p.energy()


def test_an_object_as_argument() -> None:
    p = Particle(X.copy(), X * 2, 1.5)
    before = copy.deepcopy(vars(p))
    gradient = ad.grad(moved)(p)
    assert type(gradient) is Particle and gradient.history == []
    assert gradient.x.shape == (3,) and type(gradient.m) is float
    ad.check_grads(moved, (p,), order=2)
    assert repr(vars(p)) == repr(before), "the caller's object was changed"


def test_a_list_of_objects_as_argument() -> None:
    def f(bodies: list[Body], k: Any) -> Any:
        system = System(bodies)
        system.forces()
        system.step(0.1)
        return k * system.energy()

    bodies = [Body(1.0, np.array([0.1, 0.2]), np.ones(2)), Body(2.0, np.array([1.1, 0.2]), np.zeros(2))]
    gradient = ad.grad(f)(bodies, 1.5)
    assert [type(b) for b in gradient] == [Body, Body]
    ad.check_grads(f, (bodies, 1.5), order=2)
    np.testing.assert_array_equal(bodies[0].vel, np.ones(2))


@dataclass(frozen=True, slots=True)
class Settings:
    w: Any
    rate: float = 0.1
    n: int = 3
    name: str = "tanh"
    function: Any = np.tanh


def test_what_is_no_number_belongs_to_the_structure() -> None:
    def f(p: Settings) -> Any:
        y = p.w
        for _ in range(p.n):
            y = p.function(y) * p.rate + y
        return np.sum(y) if p.name == "tanh" else 0.0

    for p in (Settings(X), Settings(X, n=2, function=np.sin)):
        gradient = ad.grad(f)(p)
        assert gradient.n == p.n and gradient.name == "tanh" and gradient.function is p.function
        ad.check_grads(f, (p,), order=2)


def test_an_argument_that_holds_itself() -> None:
    p = Particle(X, X)
    p.history.append(p)
    with pytest.raises(TypeError, match="holds itself"):
        ad.grad(moved)(p)


# --- objects from outside


class Misfit:
    def __init__(self, scale: float, y: Any) -> None:
        self.scale = scale
        self.y = y

    def loss(self, x: Any) -> Any:
        return self.scale * np.sum((x - self.y) ** 3)

    __call__ = loss

    def remember(self, x: Any) -> Any:
        self.last = x
        return self.loss(x)


MISFIT = Misfit(2.0, X)


def outside(x: Any) -> Any:
    return MISFIT.loss(x) * MISFIT.scale + np.sum(MISFIT.y * x)


def test_objects_from_outside_are_current() -> None:
    """What is read of them is what they hold at the call."""
    misfit = Misfit(2.0, X)
    for fun in (misfit.loss, misfit, lambda x: misfit.loss(x)):
        derivative = ad.grad(fun)
        misfit.scale, misfit.y = 2.0, X
        np.testing.assert_allclose(derivative(2 * X), 6.0 * X**2, rtol=1e-14)
        misfit.scale = 5.0
        np.testing.assert_allclose(derivative(2 * X), 15.0 * X**2, rtol=1e-14)
        misfit.y = np.zeros(3)
        np.testing.assert_allclose(derivative(2 * X), 60.0 * X**2, rtol=1e-14)
        ad.check_grads(fun, (2 * X,), order=2)
    ad.check_grads(outside, (2 * X,), order=2)


def test_a_class_that_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the methods of an argument's class read counts as surroundings, and so does the class."""
    p = Particle(X, X, 2.0)

    def f(p: Particle) -> Any:
        return p.energy() * p.mass

    derivative = ad.grad(f)
    assert derivative(p).x[0] == G * 2.0 * 2.0
    monkeypatch.setitem(globals(), "G", 1.0)
    assert derivative(p).x[0] == 1.0 * 2.0 * 2.0
    monkeypatch.setattr(Particle, "mass", 3.0)
    assert derivative(p).x[0] == 1.0 * 2.0 * 3.0
    monkeypatch.setattr(Particle, "energy", Particle.other_energy)
    assert derivative(p).x[0] == 5.0 * 3.0


@dataclass(frozen=True)
class Scaled:
    name: str
    scale: float = field(compare=False)

    def __call__(self, x: Any) -> Any:
        return self.scale * x * x


def test_equal_objects_that_hold_different_things() -> None:
    first, second = Scaled("a", 1.0), Scaled("a", 3.0)
    assert first == second
    assert (ad.grad(first)(2.0), ad.grad(second)(2.0)) == (4.0, 12.0)


def test_objects_from_outside_are_not_written() -> None:
    with pytest.raises(ad.DifferentiationError, match="a write to `self`, which is not local"):
        ad.grad(MISFIT.remember)(X)


# --- results


def test_a_result_keeps_its_class() -> None:
    def f(x: Any) -> Any:
        p = Particle(x * 2, x)
        return {"p": p, "pair": Pair(x[0], 2.0 * x[1])}

    out, back = ad.vjp(f, X)
    assert type(out["p"]) is Particle and type(out["pair"]) is Pair
    np.testing.assert_array_equal(out["p"].x, 2 * X)
    bar = {"p": Particle(np.ones(3), np.zeros(3), 0.0), "pair": Pair(0.0, 1.0)}
    np.testing.assert_array_equal(back(bar), [2.0, 4.0, 2.0])
    _, tangent = ad.jvp(f, (X,), (np.ones(3),))
    assert type(tangent["p"]) is Particle and tangent["pair"] == Pair(1.0, 2.0)


def pairs(x: Any) -> Any:
    return [Pair(v, v * v) for v in x]


def pairs_of_pairs(x: Any) -> Any:
    found = [(Pair(v, v * v), v) for v in x]
    return {"found": found[1:], "sum": np.sum(x)}


def pairs_sorted(x: Any) -> Any:
    kept = [p for p in pairs(x) if p.x > 0.5]
    return sorted(kept, key=lambda p: -p.y), kept[:1]


def dicts(x: Any) -> Any:
    return [{"place": v * i, "pair": Pair(v, 1.0), "both": [v, v * v]} for i, v in enumerate(x)]


def particles(x: Any) -> Any:
    made = []
    for v in x:
        made.append(Particle(x * v, x))
    for p in made:
        p.step(0.1, -p.x)
    return made


@pytest.mark.parametrize("f", [pairs, pairs_of_pairs, pairs_sorted, dicts, particles])
def test_a_list_of_unknown_length_keeps_its_classes(f: Callable[[Any], Any]) -> None:
    out, back = ad.vjp(f, X)
    wanted, tangent = f(X), ad.jvp(f, (X,), (np.ones(3),))[1]
    assert kinds(out) == kinds(wanted) == kinds(tangent)
    assert back(out).shape == (3,)
    ad.check_grads(f, (X,))


def kinds(value: Any) -> Any:
    """The classes of nested values."""
    held = vars(value) if isinstance(value, Particle) else value
    parts = held.values() if isinstance(held, dict) else held if isinstance(held, (tuple, list)) else ()
    return type(value), [*map(kinds, parts)]


def test_has_aux_keeps_a_class() -> None:
    gradient, p = ad.grad(lambda x: (np.sum(x * x), Particle(x, 2 * x)), has_aux=True)(X)
    np.testing.assert_array_equal(gradient, 2 * X)
    assert type(p) is Particle
    np.testing.assert_array_equal(p.v, 2 * X)


# --- methods that offer their derivatives


@dataclass
class Model:
    w: Any
    n: int = 2

    @ad.differentiate
    def loss(self, x: Any, k: float = 2.0) -> Any:
        y = x
        for _ in range(self.n):
            y = y * self.w
        return k * np.sum(y * x)

    @ad.differentiate(wrt="self")
    def own(self, x: Any) -> Any:
        return np.sum(self.w * x)


def test_a_differentiable_method() -> None:
    m = Model(X)
    expected = 4.0 * X**2 * 3.0
    assert m.loss(np.ones(3)) == 2.0 * np.sum(X**2)
    for derivative in (m.loss.grad, ad.grad(m.loss), lambda x: Model.loss.grad(m, x)):
        np.testing.assert_allclose(derivative(3.0 * np.ones(3)), expected, rtol=1e-14)
    np.testing.assert_allclose(m.loss.value_and_grad(np.ones(3), k=1.0)[0], np.sum(X**2), rtol=1e-14)
    np.testing.assert_allclose(m.loss.jvp((np.ones(3),), (np.ones(3),))[1], 4.0 * np.sum(X**2), rtol=1e-14)
    m.loss.check(X)
    m.w = np.ones(3)
    np.testing.assert_array_equal(m.loss.grad(X), 4.0 * X)
    assert type(m.own.grad(X)) is Model
    np.testing.assert_array_equal(m.own.grad(X).w, X)


# --- an object that stands in several places


def product_of(a: Model, b: Model) -> Any:
    return np.sum(a.w * b.w)


def doubled_product(a: Model, b: Model) -> Any:
    a.w = a.w * 2.0
    return np.sum(a.w * b.w)


def test_an_object_passed_twice() -> None:
    m, other = Model(X), Model(np.ones(3))
    first, second = ad.grad(product_of, (0, 1))(m, m)
    np.testing.assert_array_equal(first.w, X)
    np.testing.assert_array_equal(second.w, X)
    np.testing.assert_array_equal(ad.grad(doubled_product)(m, other).w, 2.0 * np.ones(3))
    with pytest.raises(ad.DifferentiationError, match="that the arguments hold twice"):
        ad.grad(doubled_product)(m, m)
    np.testing.assert_array_equal(m.w, X)


# --- loops over objects by index


def by_index(x: Any) -> Any:
    ps = [Particle(x[i] * np.ones(2), x[:2]) for i in range(3)]
    total = 0.0
    for _ in range(70):
        total = total * 0.5 + x[0]
    best = None
    for i in range(len(ps)):
        for j in range(i):
            total = total + ps[i].x[0] * ps[j].v[1]
        ps[i].step(0.1, total)
        if best is None or ps[i].energy() > best.energy():
            best = ps[i]
    return total * best.energy()


class Stack:
    def __init__(self) -> None:
        self.items: list[Any] = []

    def push(self, v: Any) -> Stack:
        self.items.append(v)
        return self

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Any:
        return iter(self.items)


def iterated(x: Any) -> Any:
    s = Stack()
    for i in range(4):
        s.push(x[0] * i).push(x[1])
    return sum(v * v for v in s) * len(s)


class Lazy:
    """A property that counts, and an attribute that is None at first."""

    def __init__(self, x: Any) -> None:
        self.x = x
        self.reads = 0.0
        self.last: Any = None

    @property
    def value(self) -> Any:
        self.reads += 1.0
        return self.x

    def step(self) -> None:
        self.last = self.x * 2.0 if self.last is None else self.last * self.x


def lazy(x: Any) -> Any:
    lazy = Lazy(x[0])
    while lazy.value < 5.0:
        lazy.x = lazy.x * 1.7
    for _ in range(3):
        lazy.step()
    return lazy.reads * lazy.x * lazy.last


@pytest.mark.parametrize("f", [by_index, iterated, lazy], ids=lambda f: f.__name__)
def test_loops_that_are_read_trip_by_trip(f: Callable[[Any], Any]) -> None:
    assert ad.value_and_grad(f)(X)[0] == f(X.copy())
    ad.check_grads(f, (X,), order=2)


# --- refusals


class Meta(type):
    pass


class WithMeta(metaclass=Meta):
    def __init__(self, x: Any) -> None:
        self.x = x


class WithGetattr:
    def __getattr__(self, name: str) -> Any:
        return 1.0


WITH_GETATTR = WithGetattr()


class Three:
    def __get__(self, instance: Any, owner: Any = None) -> float:
        return 3.0


class WithDescriptor:
    three = Three()


class Matrix(np.ndarray):
    pass


def set_in_one_branch(x: Any) -> Any:
    p = Particle(x, x)
    if x > 0:
        p.extra = x  # type: ignore[attr-defined]
    return p.extra  # type: ignore[attr-defined]


def one_of_two_written(x: Any) -> Any:
    p, r = Particle(x, x), Particle(2 * x, x)
    q = p if x > 0.5 else r
    q.x = 5.0 * x
    return p.x * r.x


def objects_of_unknown_number(x: Any) -> Any:
    ps = []
    n = 0
    while n < x:
        ps.append(Particle(x, x))
        n += 1
    return len(ps) * x


@pytest.mark.parametrize("f", [one_of_two_written, objects_of_unknown_number])
@pytest.mark.parametrize("x", [0.3, 0.7, 1.4])
def test_objects_known_when_it_runs(f: Callable[[Any], Any], x: float) -> None:
    assert ad.value_and_grad(f)(x)[0] == f(x)
    ad.check_grads(f, (x,), order=2)


REFUSED = [
    (lambda x: WithMeta(x).x, "an object of `WithMeta`: it has a metaclass"),
    (lambda x: WithGetattr().y * x, "an object of `WithGetattr`: it has `__getattr__`"),
    (lambda x: WITH_GETATTR.y * x, "an object of `WithGetattr`: it has `__getattr__`"),
    (lambda x: Tree(1.0, Tree(x)), "a result that holds itself"),
    (lambda x: WithDescriptor().three * x, "`.three`, a descriptor of kind `Three`"),
    (lambda x: Matrix(x), "an object of `Matrix`: it is derived from `numpy.ndarray`"),
    (lambda x: Fixed(x).d, "the attribute `.d`, which this object of `Fixed` does not have"),
    (lambda x: Particle(x, x) * 2.0, "the operator `mul` with an object of `Particle`"),
    (lambda x: np.ones(2) * Fixed(x), "an operator between a value of NumPy and an object"),
    (lambda x: np.sin(Fixed(x)), "an object of `Fixed` used as a value"),
    (lambda x: setattr(Fixed(x), "a", 2.0), "an assignment to `.a` of the frozen `Fixed`"),
    (lambda x: setattr(Pair(x), "x", 2.0), "an assignment to `.x` of the named tuple `Pair`"),
    (lambda x: Particle(x), "this call of `Particle.__init__`"),
    (lambda x: Base(x, c=2.0), "this call of `Base`"),
    (set_in_one_branch, "the attribute `.extra`, which only some of the paths to here have set"),
]


@pytest.mark.parametrize(("f", "what"), REFUSED, ids=[what for _, what in REFUSED])
def test_refused(f: Callable[[Any], Any], what: str) -> None:
    with pytest.raises(ad.DifferentiationError) as caught:
        ad.grad(f)(0.7)
    first = caught.value.messages[0]
    assert first.text.removeprefix("cannot differentiate ") == what or what in first.text
    assert first.file.endswith("test_objects.py") and first.line > 0 and first.help


# --- from text alone

TEXT = """
import numpy as np
from dataclasses import dataclass, field
from shapes import Square, Vec

class Particle:
    mass = 2.0

    def __init__(self, x, v):
        self.x = x
        self.v = v

    def step(self, dt):
        # Semi-implicit Euler.
        self.v = self.v - dt * self.x / self.mass
        self.x = self.x + dt * self.v

    @property
    def energy(self):
        return 0.5 * self.mass * self.v**2 + 0.5 * self.x**2

    @classmethod
    def at_rest(cls, x):
        return cls(x, 0.0)

@dataclass
class Pars:
    a: float
    b: float = 2.0
    c: list = field(default_factory=list)

def moved(x: float, v: float):
    p = Particle(x, v)
    for _ in range(10):
        p.step(0.1)
    return p.energy

def made(x: float):
    p = Pars(Square(x).area())
    p.c.append(Particle.at_rest(x).energy)
    return Vec(p.a, p.b).dot(Vec(p.c[0])) * isinstance(p, Pars)

def returned(x: float):
    return Particle(x, 2.0 * x)

def several(x: float, n: int):
    return [Particle(x * (i + 1), x * i) for i in range(n)]
"""

SHAPES = """
from typing import NamedTuple

raise RuntimeError("executed")

class Shape:
    sides = 4

    def __init__(self, k):
        self.k = k

    def area(self):
        return self.k * self.sides

class Square(Shape):
    def area(self):
        return super().area() * self.k

class Vec(NamedTuple):
    x: float
    y: float = 1.0

    def dot(self, o):
        return self.x * o.x + self.y * o.y
"""


def emitted(tmp_path: Path, name: str) -> str:
    (tmp_path / "shapes.py").write_text(SHAPES)
    (tmp_path / "main.py").write_text(TEXT)
    source = from_path(tmp_path / "main.py")
    return pipeline.text(pipeline.load_function(source, name, {}), "reverse", ("x",))


def test_classes_from_text(tmp_path: Path) -> None:
    """Nothing is executed, and what is emitted has no objects left."""
    text = emitted(tmp_path, "moved")
    assert "Particle" not in text and "# Semi-implicit Euler." in text
    namespace: dict[str, Any] = {}
    exec(text, namespace)
    value, (dx,) = namespace["moved_reverse"](0.7, 1.3)
    h = 1e-6
    up, down = (namespace["moved_reverse"](0.7 + e, 1.3)[0] for e in (h, -h))
    np.testing.assert_allclose(dx, (up - down) / (2 * h), rtol=1e-8)
    exec(emitted(tmp_path, "made"), namespace)
    value, (dx,) = namespace["made_reverse"](0.7)
    assert value == 0.7 * 4 * 0.7 * (0.5 * 2.0 * 0.0**2 + 0.5 * 0.7**2) + 2.0 * 1.0
    np.testing.assert_allclose(dx, 8.0 * 0.7**3, rtol=1e-14)


def test_a_file_says_what_stands_for_an_object(tmp_path: Path) -> None:
    text = emitted(tmp_path, "returned")
    assert "In the place of a\n    `Particle`: the tuple (x, v)." in text
    namespace: dict[str, Any] = {}
    exec(text, namespace)
    assert namespace["returned_reverse"](0.7)[0] == (0.7, 1.4)


def test_a_file_says_what_stands_for_a_list_of_objects(tmp_path: Path) -> None:
    text = emitted(tmp_path, "several")
    assert "In the place of a list of `Particle`: the tuple of lists (x, v)." in " ".join(text.split())
    namespace: dict[str, Any] = {}
    exec(text, namespace)
    assert namespace["several_reverse"](0.7, 2, [1.0, 0.0], [0.0, 0.0])[0] == ([0.7, 1.4], [0.0, 0.7])
