"""The samples: goldens beside their sources, each compared, executed, checked against differences, and run alone."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, load_module

from adtransform import check_grads, vjp
from adtransform.cli import main

SAMPLES = ROOT / "samples"
RNG = np.random.default_rng(7)


@dataclass(frozen=True)
class Case:
    """One function of a sample: where its goldens lie, what is told of its arguments, and a point to run it at."""

    folder: str
    target: str
    wrt: str
    args: tuple[Any, ...]
    known: tuple[str, ...] = ()
    kwargs: tuple[tuple[str, Any], ...] = ()
    suffix: str = ""

    @property
    def source(self) -> Path:
        return Path("samples") / self.target.partition(":")[0]

    @property
    def name(self) -> str:
        return self.target.partition(":")[2].rpartition(".")[2]

    @property
    def function(self) -> Callable[..., Any]:
        return getattr(load_module(ROOT / self.source, f"sample_{self.source.stem}"), self.name)

    def flags(self) -> list[str]:
        return ["--wrt", self.wrt, *(word for known in self.known for word in ("--arg", known))]

    def golden(self, mode: str) -> Path:
        return Path("samples") / self.folder / f"{mode}{self.suffix}.py"


def _hot_plate() -> np.ndarray:
    plate = RNG.uniform(0.0, 1.0, (6, 5))
    plate[0] = 2.0
    return plate


def _rods() -> np.ndarray:
    places = np.linspace(0.0, 3.0, 7)
    return np.stack([np.sin(places) + 0.3, 0.2 * places**2, 0.1 * np.cos(4.0 * places)])


U, V, W, X = RNG.normal(size=(3, 4)), RNG.normal(size=4), RNG.normal(size=(3, 4)), RNG.normal(size=(5, 3))
FLOWERS = (
    RNG.normal(size=(4, 3)),
    RNG.normal(size=3),
    RNG.normal(size=(6, 4)),
    np.eye(3)[np.array([0, 1, 2, 1, 0, 2])],
    0.1,
)
IRIS = ("W[F,K]", "b[K]", "X[N,F]", "Y[N,K]", "penalty: float")
FLOATS = ("x: float", "a: float", "b: float")
SPD = U.T @ U + 2.0 * np.eye(4)
ORBIT = (4.2, 0.8, 0.3, 0.7, 50.0, -2.0)
CAMERA = np.array([0.1, -0.3, 0.2, 0.1, 0.0, -6.0, 500.0, -0.1, 0.02])
GAUSS_SEIDEL = ("omega: float", "source[H,W]", "sweeps: int")
FACTOR = {"log_density": ("covariance[N,N]", "mean[N]", "x[N]"), "solve": ("A[N,N]", "b[N]")}
LSTM = ("W[D,4*H]", "U[H,4*H]", "b[4*H]", "v[H]", "xs[T,B,D]", "ys[B]")
NBODY = ("start[2,N,3]", "v0[3]", "mass[N]", "target: int", "dt: float", "steps: int")
ASIAN = ("spot: float", "strike: float", "rate: float", "vol: float", "years: float", "shocks[T,P]")
BUNDLE = ("camera[9]", "point[3]", "pixel[2]")
PENDULUM = ("measured[T]",)
CHAIN = ("start[N]", "observed[T,N]")
WARPING = ("centre[N]", "observed[M,T]")
KALMAN = ("process: float", "noise: float", "dt: float", "track[T]")


def _lstm() -> tuple[Any, ...]:
    rng = np.random.default_rng(8)
    return tuple(rng.normal(size=shape) for shape in ((2, 12), (3, 12), (12,), (3,), (4, 5, 2), (5,)))


def _bodies() -> tuple[Any, ...]:
    rng = np.random.default_rng(9)
    return rng.normal(size=(2, 3, 3)), rng.normal(size=3), np.array([1.0, 0.1, 0.01]), 1, 0.05, 3


CASES = [
    Case("product", "product/product.py:f", "x,a,b", (2.0, 3.0, 5.0)),
    Case("product", "product/product.py:f", "x,a,b", (2.0, 3.0, 5.0), FLOATS, suffix="_float"),
    Case("tensors/add", "tensors/tensors.py:add", "U,V", (V, 2 * V), ("U[I]", "V[I]")),
    Case("tensors/add", "tensors/tensors.py:add", "U,V", (U, V), suffix="_any"),
    Case("tensors/bias", "tensors/tensors.py:bias", "U,B", (U, V[:3]), ("U[I,N]", "B[I]")),
    Case("tensors/bias", "tensors/tensors.py:bias", "U,B", (U, V[:3]), suffix="_any"),
    Case("tensors/bias_rows", "tensors/tensors.py:bias_rows", "X,b", (X, V[:3]), ("X[N,I]", "b[I]")),
    Case("tensors/bias_rows", "tensors/tensors.py:bias_rows", "X,b", (X, V[:3]), suffix="_any"),
    Case("tensors/matvec", "tensors/tensors.py:matvec", "W,V", (W, V), ("W[I,J]", "V[J]")),
    Case("tensors/matvec", "tensors/tensors.py:matvec", "W,V", (W, V), suffix="_any"),
    Case("tensors/matmat", "tensors/tensors.py:matmat", "W,V", (W, U.T), ("W[I,J]", "V[J,N]")),
    Case("tensors/matmat", "tensors/tensors.py:matmat", "W,V", (W, U.T), suffix="_any"),
    Case("spine", "spine/spine.py:make_cooling.cool", "u,c", (_rods(), 0.2), ("u[R,P]", "c: float"), (("limit", 0.04),)),
    Case("iris", "iris/iris.py:loss", "W,b", FLOWERS, IRIS),
    Case("blackscholes", "blackscholes/blackscholes.py:price", "spot,strike,rate,vol,time", (100.0, 95.0, 0.03, 0.25, 0.5)),
    Case("heat/heat", "heat/heat.py:heat", "u,alpha", (_hot_plate(), 0.1, 4)),
    Case("heat/heat_typed", "heat/heat.py:heat_typed", "u,alpha", (_hot_plate(), 0.1, 4)),
    Case("gauss_seidel", "gauss_seidel/gauss_seidel.py:remaining", "omega,source", (1.3, _hot_plate(), 3), GAUSS_SEIDEL),
    Case("factor/log_density", "factor/factor.py:log_density", "covariance,mean,x", (SPD, V, 2 * V), FACTOR["log_density"]),
    Case("factor/solve", "factor/factor.py:solve", "A,b", (SPD, V), FACTOR["solve"]),
    Case("lstm", "lstm/lstm.py:loss", "W,U,b,v", _lstm(), LSTM),
    Case("nbody", "nbody/nbody.py:miss", "v0", _bodies(), NBODY),
    Case("newton", "newton/newton.py:velocity", "period,passage,e,w,height,drift", (2.6, *ORBIT)),
    Case("asian", "asian/asian.py:asian_call", "spot,strike,rate,vol,years", (100.0, 98.0, 0.03, 0.25, 1.5, W), ASIAN),
    Case("bundle", "bundle/bundle.py:residual", "camera,point", (CAMERA, X[0], V[:2]), BUNDLE),
    Case(
        "chain",
        "chain/chain.py:misfit",
        "start,stiffness,hardening",
        (V, 2.0, 1.5, np.outer([1.0, 0.8, 0.3], V), 0.1, 2),
        CHAIN,
    ),
    Case("pendulum", "pendulum/pendulum.py:misfit", "angle,speed,length,damping", (0.9, 0.1, 1.3, 0.2, V, 0.1, 3), PENDULUM),
    Case("kalman", "kalman/kalman.py:surprise", "process,noise", (0.7, 1.5, 0.5, 3.0 * V), KALMAN),
    Case("warping", "warping/warping.py:misfit", "centre", (V, np.stack([1.3 * V, V[::-1]]), 2.0), WARPING),
    Case("distance", "distance/distance.py:modulus", "matter,hubble", (0.8, 0.3, 70.0)),
]
LISTINGS = [
    ("product/listing.txt", ["listing", "samples/product/product.py:f"]),
    ("product/symbolic.txt", ["symbolic", "samples/product/product.py:f", "--wrt", "a,b"]),
    ("product/forward_listing.txt", ["forward", "samples/product/product.py:f", "--wrt", "a,b", "--style", "listing"]),
    ("product/reverse_listing.txt", ["reverse", "samples/product/product.py:f", "--style", "listing"]),
    ("product/explained.txt", ["reverse", "samples/product/product.py:f", "--style", "listing", "--explain"]),
    ("heat/listing.txt", ["listing", "samples/heat/heat.py:heat_typed"]),
    *(
        (f"{case.folder}/listing.txt", ["listing", f"samples/{case.target}", *case.flags()[2:]])
        for case in CASES
        if not case.suffix and case.folder.partition("/")[0] not in ("product", "heat")
    ),
]
MODES = ("forward", "reverse")


def _id(case: Case) -> str:
    return case.folder + case.suffix


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the samples to run commands in, so that they may write."""
    shutil.copytree(SAMPLES, tmp_path / "samples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("name", "command"), LISTINGS, ids=[name for name, _ in LISTINGS])
def test_listings(name: str, command: list[str], workshop: Path, golden: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command) == 0
    golden(SAMPLES / name, capsys.readouterr().out)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", CASES, ids=_id)
def test_goldens(case: Case, mode: str, workshop: Path, golden: Any) -> None:
    path = case.golden(mode)
    (workshop / path).unlink(missing_ok=True)
    (workshop / path).parent.mkdir(exist_ok=True)
    assert main([mode, f"samples/{case.target}", *case.flags(), "-o", str(path)]) == 0
    golden(ROOT / path, (workshop / path).read_text())


@pytest.mark.parametrize("case", CASES, ids=_id)
def test_goldens_are_right(case: Case) -> None:
    """Both modes of the golden files against the function itself and central differences of it."""
    names = case.wrt.split(",")
    parameters = list(getattr(case.function, "__wrapped__", case.function).__code__.co_varnames)
    places = [parameters.index(n) for n in names]
    kwargs = dict(case.kwargs)
    reverse = getattr(load_module(ROOT / case.golden("reverse")), f"{case.name}_reverse")
    forward = getattr(load_module(ROOT / case.golden("forward")), f"{case.name}_forward")

    def run(args: tuple[Any, ...]) -> Any:
        return case.function(*[a.copy() if isinstance(a, np.ndarray) else a for a in args])

    before = [np.copy(a) for a in case.args]
    wanted = run(case.args)
    rng = np.random.default_rng(3)
    bar = rng.normal(size=np.shape(wanted))
    directions = [rng.normal(size=np.shape(case.args[i]))[()] for i in places]
    scalar = np.ndim(wanted) == 0
    value, gradients = reverse(*case.args, **kwargs) if scalar else reverse(*case.args, bar, **kwargs)
    again = forward(*case.args, *[float(d) if np.ndim(d) == 0 else d for d in directions], **kwargs)
    np.testing.assert_allclose(value, wanted, rtol=1e-13)
    np.testing.assert_allclose(again[0], wanted, rtol=1e-13)

    def along(step: float) -> Any:
        moved = list(case.args)
        for place, direction in zip(places, directions, strict=True):
            moved[place] = moved[place] + step * direction
        return run(tuple(moved))

    slope = (4 * (along(5e-5) - along(-5e-5)) / 1e-4 - (along(1e-4) - along(-1e-4)) / 2e-4) / 3
    np.testing.assert_allclose(again[1], slope, rtol=1e-7, atol=1e-9)
    total = sum(np.vdot(g, d) for g, d in zip(gradients, directions, strict=True))
    np.testing.assert_allclose(total, np.vdot(1.0 if scalar else bar, slope), rtol=1e-7, atol=1e-9)
    for gradient, place in zip(gradients, places, strict=True):
        assert np.shape(gradient) == np.shape(case.args[place])
        assert type(gradient) is type(case.args[place])
    for a, b in zip(case.args, before, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("case", [c for c in CASES if not c.suffix], ids=_id)
def test_second_order(case: Case) -> None:
    check_grads(case.function, case.args, order=2)


@pytest.mark.parametrize("case", [c for c in CASES if not c.suffix], ids=_id)
def test_vjp_twice(case: Case) -> None:
    value, back = vjp(case.function, *case.args)
    bars = [np.ones(np.shape(value))[()] * k for k in (1.0, 2.0, 1.0)]
    first, double, again = ([np.copy(g) for g in _tuple(back(bar))] for bar in bars)
    for a, b, c in zip(first, double, again, strict=True):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_allclose(2.0 * a, b, rtol=1e-12)


def _tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", CASES, ids=_id)
def test_goldens_import_only_numpy_and_math(case: Case, mode: str) -> None:
    for node in ast.walk(ast.parse((ROOT / case.golden(mode)).read_text())):
        if isinstance(node, ast.Import):
            assert {alias.name for alias in node.names} <= {"numpy", "math"}
        if isinstance(node, ast.ImportFrom):
            assert node.module in ("__future__", "math")


def test_goldens_are_clean() -> None:
    """The formatter's and the linter's defaults have nothing to say."""
    files = [str(ROOT / case.golden(mode)) for case in CASES for mode in MODES]
    for command in (["format", "--check"], ["check"]):
        done = subprocess.run([sys.executable, "-m", "ruff", *command, "--isolated", *files], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_goldens_stand_alone() -> None:
    """Every emitted file runs where the package cannot be imported."""
    lines = ["import sys", "sys.modules['adtransform'] = None", "import runpy"]
    lines += [f"runpy.run_path({str(ROOT / case.golden(mode))!r})" for case in CASES for mode in MODES]
    subprocess.run([sys.executable, "-I", "-W", "error", "-c", "\n".join(lines)], check=True)


def test_same_bytes_from_two_processes() -> None:
    """What is printed does not depend on the order of a set."""
    script = (
        "import sys; from adtransform.cli import main\n"
        "for line in sys.stdin.read().splitlines():\n    command = line.split('|')\n"
        "    main(['reverse', *command]); main(['forward', *command]); main(['listing', command[0], *command[3:]])"
    )
    names = ("spine", "iris", "heat/heat", "lstm", "nbody", "bundle", "factor/solve")
    commands = ["|".join((f"samples/{case.target}", *case.flags())) for case in CASES if case.folder in names]
    texts = [
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed},
            input="\n".join(commands).encode(),
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "3")
    ]
    assert texts[0] == texts[1]
    assert texts[0].count(b"def ") >= 2 * len(names)


def test_listings_execute() -> None:
    """The listings of the seed are Python, and their values are right in both modes."""
    x, a, b = 2.0, 3.0, 5.0
    for name, wanted in {
        "listing.txt": {"y": (x + a) * (x + b)},
        "forward_listing.txt": {"dy_da": x + b, "dy_db": x + a},
        "reverse_listing.txt": {"dt0": 2 * x + a + b, "dt1": x + b, "dt3": x + a},
        "explained.txt": {"dt0": 2 * x + a + b, "dt1": x + b, "dt3": x + a},
    }.items():
        scope: dict[str, Any] = {"load": {"x": x, "a": a, "b": b}.__getitem__}
        exec((SAMPLES / "product" / name).read_text(), scope)
        assert {k: scope[k] for k in wanted} == wanted


def _alone(script: str) -> str:
    """What a script of a sample prints in a process that cannot import the package."""
    path = SAMPLES / script
    block = f"import sys; sys.modules['adtransform'] = None; sys.argv = [{path.name!r}]; sys.path.insert(0, '.')\n"
    run = block + f"import runpy; runpy.run_path({path.name!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", run], cwd=path.parent, capture_output=True, text=True, check=True)
    return done.stdout


def _numbers(text: str) -> list[float]:
    return [float(n) for n in re.findall(r"-?\d+\.\d+(?:e[+-]\d+)?", text)]


def test_iris_trains() -> None:
    """The emitted gradient drives SciPy's optimiser to the minimum."""
    text = _alone("iris/train.py")
    assert text.startswith("loss 0.") and text.strip().endswith("/150")
    right = int(text.split("accuracy ")[1].split("/")[0])
    assert right >= 146


def test_gauss_seidel_is_tuned() -> None:
    """The factor found leaves less than its neighbours do."""
    before, after, omega = _numbers(_alone("gauss_seidel/tune.py"))
    assert after < before / 10
    module = load_module(SAMPLES / "gauss_seidel" / "gauss_seidel.py", "sample_relaxed")
    source = np.zeros((14, 14))
    source[3, 4], source[10, 9] = 1.0, -1.0
    assert module.remaining(omega, source, 12) == pytest.approx(after, rel=1e-3)
    assert all(module.remaining(omega + off, source, 12) > after for off in (-0.02, 0.02))


def test_lstm_learns() -> None:
    before, after = _numbers(_alone("lstm/train.py"))
    assert before > 0.3 and after < 0.005


def test_probe_arrives() -> None:
    before, after, *_ = _numbers(_alone("nbody/aim.py"))
    assert before > 0.05 and after < 1e-5


def test_orbit_is_found() -> None:
    """Within what noise of 1 m/s allows."""
    before, after, *orbit = _numbers(_alone("newton/orbit.py"))
    assert before > 10 and 0.7 < after < 1.2
    off = np.abs(np.subtract(orbit, (4.23, 1.1, 0.35, 0.8, 56.0, -3.0)))
    assert np.all(off < (0.01, 0.05, 0.02, 0.08, 1.0, 0.5))


def test_cameras_are_adjusted() -> None:
    """What is left is the noise of 0.2 pixels, a little less for what was fitted to it."""
    before, after = _numbers(_alone("bundle/fit.py"))
    assert before > 5 and 0.1 < after < 0.25


def test_pendulum_is_found() -> None:
    """Length 1.3 m and damping 0.15 per s, within what noise of 0.01 rad allows."""
    before, after, length, damping = _numbers(_alone("pendulum/fit.py"))
    assert before > 1 and after < 0.015
    assert length == pytest.approx(1.3, abs=0.003) and damping == pytest.approx(0.15, abs=0.003)


def test_springs_are_found() -> None:
    """Stiffness 2 and hardening 1.5, within what noise of 0.02 allows."""
    before, after, stiffness, hardening = _numbers(_alone("chain/fit.py"))
    assert before > 1 and after < 0.15
    assert stiffness == pytest.approx(2.0, abs=0.01) and hardening == pytest.approx(1.5, abs=0.05)


def test_the_common_shape_is_found() -> None:
    """As high as what was shifted and stretched, which was at most 1; the mean is not."""
    before, after, mean, centre = _numbers(_alone("warping/fit.py"))
    assert after < before - 1
    assert mean < 0.7 and centre > 0.85


def test_noise_levels_are_found() -> None:
    """0.5 and 2.0, within what 400 measurements allow."""
    before, after, process, noise = _numbers(_alone("kalman/fit.py"))
    assert after < before - 100
    assert process == pytest.approx(0.5, abs=0.1) and noise == pytest.approx(2.0, abs=0.2)


def test_asian_greeks() -> None:
    """Against differences of the emitted price; the payoff is smooth but for its kink, which few paths meet."""
    text = _alone("asian/run.py")
    module = load_module(SAMPLES / "asian" / "asian.py", "sample_asian")
    shocks = np.random.default_rng(5).normal(size=(52, 20_000))
    market = np.array([100.0, 98.0, 0.03, 0.25, 1.0])
    slopes = []
    for step in np.diag([1e-4, 1e-4, 1e-6, 1e-6, 1e-6]):
        up, down = (module.asian_call(*(market + s), shocks) for s in (step, -step))
        slopes.append((up - down) / (2 * step.sum()))
    np.testing.assert_allclose(_numbers(text), [module.asian_call(*market, shocks), *slopes], rtol=1e-3)


def test_greeks(capsys: pytest.CaptureFixture[str]) -> None:
    """Every greek agrees with its closed form."""
    sys.path.insert(0, str(SAMPLES / "blackscholes"))
    try:
        greeks = load_module(SAMPLES / "blackscholes" / "run.py", "run_blackscholes").greeks
    finally:
        sys.path.pop(0)
    for name, (ours, theirs) in greeks.items():
        assert ours == pytest.approx(theirs, rel=1e-12), name


def test_universe_is_weighed() -> None:
    """Matter 0.31 and 70 km/s/Mpc, within what noise of 0.12 mag of 300 supernovae allows."""
    before, after, matter, hubble = _numbers(_alone("distance/fit.py"))
    assert before > 0.3 and 0.1 < after < 0.14
    assert matter == pytest.approx(0.31, abs=0.04) and hubble == pytest.approx(70.0, abs=1.0)
