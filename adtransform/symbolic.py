"""The calculus way: total differential and partials of a straight-line function, by SymPy (the extra `symbolic`).

    df = (x + b)*da + (x + a)*db
    df/da = x + b
    df/db = x + a

Conditionals become conditional expressions; loops, arrays and calls without a formula are refused where they stand.
At a tie `max` and `min` are their first operand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

from adtransform.errors import MissingExtra, refuse
from adtransform.ir import UNDEFINED, Atom, Const, Function, If, Leaf, Let, Region, Try, Var
from adtransform.ops import CALLS
from adtransform.rewrite import name_of

# Above this many operations an expression is printed as differentiation left it: simplifying takes too long.
_SIMPLIFY_LIMIT = 150
_HELP = "symbolic works on formulas of numbers; use forward or reverse for this function"


def symbolic(f: Function, wrt: Sequence[str] = ()) -> str:
    """The total differential and the partials of each result with respect to `wrt` (all parameters when empty), as text.

    Raises `DifferentiationError` for what is not straight-line, `ValueError` for a parameter that does not exist and
    `ImportError` where SymPy is not installed.
    """
    sympy = load_sympy()
    names = [p.name for p in f.params]
    if unknown := [name for name in wrt if name not in names]:
        raise ValueError(f"{f.name} has no parameter {unknown[0]!r}; it has {', '.join(names)}")
    # SymPy orders symbols by name: these sort as the parameters stand, and clash with nothing.
    symbols = {name: sympy.Symbol(f"p{i:04}", real=True) for i, name in enumerate(names)}
    values = _Formulas(symbols).results(f)
    show = _printer(symbols)
    chosen = [name for name in names if not wrt or name in wrt]
    lines: list[str] = []
    for label, index in _labels(f.name, f.tree):
        value = sympy.sympify(values[index])
        if _is_truth(value):
            refuse(f.origin, f"a truth value (`{label}`)", "return a number")
        partials = {name: _simplest(value.diff(symbols[name])) for name in chosen}
        lines.append(f"d{label} = {_total(partials, show)}")
        lines += [f"d{label}/d{name} = {show(partial)}" for name, partial in partials.items()]
    return "\n".join(lines) + "\n"


def load_sympy() -> Any:
    """SymPy, or an `ImportError` of one line that says how to get it."""
    try:
        import sympy
    except ImportError:
        raise MissingExtra("symbolic needs SymPy: pip install 'adtransform[symbolic]'") from None
    return sympy


def _labels(label: str, tree: Any) -> Iterator[tuple[str, int]]:
    """`f`, or `f[0]`, `f['slope']` for each of several results."""
    if isinstance(tree, Leaf):
        yield label, tree.index
        return
    for key, inner in tree.items() if isinstance(tree, dict) else enumerate(tree):
        yield from _labels(f"{label}[{key!r}]", inner)


def _simplest(e: Any) -> Any:
    sympy = load_sympy()
    found = [e, sympy.factor_terms(e)]
    if e.count_ops() <= _SIMPLIFY_LIMIT:
        found.append(sympy.simplify(e))
    return min(found, key=lambda c: (c.count_ops(), len(str(c))))


def _total(partials: dict[str, Any], show: Callable[[Any], str]) -> str:
    out = ""
    for name, partial in partials.items():
        if partial == 0:
            continue
        negative = partial.could_extract_minus_sign() and not partial.is_Add
        size = -partial if negative else partial
        text = show(size)
        term = f"d{name}" if size == 1 else f"({text})*d{name}" if size.is_Add else f"{text}*d{name}"
        out += (" - " if negative else " + ") + term if out else f"-{term}" if negative else term
    return out or "0"


class _Formulas:
    """Each value of a function as a SymPy expression of its parameters."""

    def __init__(self, symbols: dict[str, Any]) -> None:
        self.symbols = symbols
        self.values: dict[Var, Any] = {}

    def results(self, f: Function) -> list[Any]:
        self.region(f.body)
        return [self.value(r) for r in f.results]

    def value(self, a: Atom) -> Any:
        if isinstance(a, Var):
            return self.values[a]
        return _number(a.value) if a != UNDEFINED else None

    def region(self, region: Region) -> None:
        for stmt in region.body:
            match stmt:
                case Let():
                    self.let(stmt)
                case If():
                    self.branch(stmt)
                case Try():
                    refuse(stmt.origin, "a `try` symbolically", _HELP)
                case _:
                    refuse(stmt.origin, "a loop symbolically", _HELP)

    def let(self, let: Let) -> None:
        if let.op == "load" and isinstance(let.args[0], Const):
            self.values[let.targets[0]] = self.symbols[let.args[0].value]
            return
        formula = formulas().get(let.op)
        args = [self.value(a) for a in let.args]
        if let.op == "assign":
            self.values[let.targets[0]] = args[0]
        elif formula is None or let.kwargs or len(let.targets) != 1 or any(a is None for a in args):
            name = name_of(let) if let.op in CALLS else let.op.rpartition(".")[2]
            refuse(let.origin, f"`{name}` symbolically", _HELP)
        else:
            try:
                self.values[let.targets[0]] = formula(*args)
            except TypeError:
                refuse(let.origin, f"this call of `{let.op.rpartition('.')[2]}` symbolically", _HELP)

    def branch(self, stmt: If) -> None:
        self.region(stmt.then)
        self.region(stmt.orelse)
        cond = self.value(stmt.cond)
        for target, a, b in zip(stmt.targets, stmt.then.results, stmt.orelse.results, strict=True):
            u, v = self.value(a), self.value(b)
            self.values[target] = None if u is None or v is None else _choose(cond, u, v)


def _number(value: Any) -> Any:
    """A constant, exact where it is a short fraction; None for what is not a number."""
    sympy = load_sympy()
    if isinstance(value, bool):
        return sympy.true if value else sympy.false
    if isinstance(value, int):
        return sympy.Integer(value)
    if not isinstance(value, float):
        return None
    for known, exact in ((math.pi, sympy.pi), (math.e, sympy.E), (math.inf, sympy.oo), (-math.inf, -sympy.oo)):
        if value == known:
            return exact
    if math.isnan(value):
        return sympy.nan
    short = Fraction(repr(value))
    return sympy.Rational(short.numerator, short.denominator) if short.denominator <= 100 else sympy.Float(value)


def _is_truth(e: Any) -> bool:
    """Whether it is true or false; a symbol could be, but here they are numbers."""
    sympy = load_sympy()
    return isinstance(e, sympy.logic.boolalg.Boolean) and not isinstance(e, sympy.Expr)


def _choose(cond: Any, u: Any, v: Any) -> Any:
    sympy = load_sympy()
    if not _is_truth(cond):
        cond = sympy.Ne(cond, 0)
    if _is_truth(u) or _is_truth(v):
        return sympy.ITE(cond, u, v)
    return sympy.Piecewise((u, cond), (v, True))


def _first(compare: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """`max` and `min`: the operand that compares so with all the others."""

    def pick(*args: Any) -> Any:
        out = args[0]
        for other in args[1:]:
            out = _choose(compare(out, other), out, other)
        return out

    return pick


@cache
def formulas() -> dict[str, Callable[..., Any]]:
    """The formula of each operation that has one."""
    s = load_sympy()

    def step(name: str) -> Any:
        # Constant between its jumps; SymPy's own `floor` would leave a derivative standing.
        return type(name, (s.Function,), {"fdiff": lambda self, index=1: s.Integer(0)})

    floor, ceil, trunc, rint, sign = (step(name) for name in ("floor", "ceil", "trunc", "rint", "sign"))
    # Of a real number, whatever SymPy thinks of its argument (a logarithm may be complex).
    magnitude = type("abs", (s.Function,), {"fdiff": lambda self, index=1: sign(self.args[0])})
    maximum, minimum = _first(s.Ge), _first(s.Le)
    plain: dict[str, Callable[..., Any]] = {
        "add": lambda u, v: u + v,
        "sub subtract": lambda u, v: u - v,
        "mul multiply": lambda u, v: u * v,
        "truediv divide true_divide": lambda u, v: u / v,
        "floordiv floor_divide": lambda u, v: floor(u / v),
        "mod remainder": lambda u, v: u - v * floor(u / v),
        "fmod": lambda u, v: u - v * trunc(u / v),
        "pow power float_power": lambda u, v: u**v,
        "neg negative": lambda u: -u,
        "pos positive float float64": lambda u: u,
        "abs absolute fabs": magnitude,
        "lt less": s.Lt,
        "le less_equal": s.Le,
        "gt greater": s.Gt,
        "ge greater_equal": s.Ge,
        "eq equal": s.Eq,
        "ne not_equal": s.Ne,
        "not_ logical_not invert": s.Not,
        "and_ logical_and": s.And,
        "or_ logical_or": s.Or,
        "sin": s.sin,
        "cos": s.cos,
        "tan": s.tan,
        "asin arcsin": s.asin,
        "acos arccos": s.acos,
        "atan arctan": s.atan,
        "atan2 arctan2": s.atan2,
        "sinh": s.sinh,
        "cosh": s.cosh,
        "tanh": s.tanh,
        "asinh arcsinh": s.asinh,
        "acosh arccosh": s.acosh,
        "atanh arctanh": s.atanh,
        "exp": s.exp,
        "exp2": lambda u: 2**u,
        "expm1": lambda u: s.exp(u) - 1,
        "log": lambda u, *base: s.log(u, *base),
        "log2": lambda u: s.log(u) / s.log(2),
        "log10": lambda u: s.log(u) / s.log(10),
        "log1p": lambda u: s.log(1 + u),
        "logaddexp": lambda u, v: s.log(s.exp(u) + s.exp(v)),
        "logaddexp2": lambda u, v: s.log(2**u + 2**v) / s.log(2),
        "sqrt": s.sqrt,
        "cbrt": s.cbrt,
        "square": lambda u: u**2,
        "reciprocal": lambda u: 1 / u,
        "hypot": lambda *us: s.sqrt(sum(u**2 for u in us)),
        "degrees rad2deg": lambda u: u * 180 / s.pi,
        "radians deg2rad": lambda u: u * s.pi / 180,
        "sinc": lambda u: s.Piecewise((s.sin(s.pi * u) / (s.pi * u), s.Ne(u, 0)), (1, True)),
        "erf": s.erf,
        "erfc": s.erfc,
        "gamma": s.gamma,
        "lgamma": s.loggamma,
        "fma": lambda u, v, w: u * v + w,
        "copysign": lambda u, v: magnitude(u) * sign(v),
        "sign": sign,
        "heaviside": lambda u, v: s.Piecewise((0, u < 0), (v, s.Eq(u, 0)), (1, True)),
        "floor": floor,
        "ceil": ceil,
        "trunc": trunc,
        "rint": rint,
        "where": _choose,
        "max maximum fmax": maximum,
        "min minimum fmin": minimum,
        "clip": lambda u, low, high: s.Piecewise((u, s.And(low <= u, u <= high)), (low, u < low), (high, True)),
    }
    modules = {"builtins": "abs pow max min float", "math": None, "numpy": None, "operator": None}
    out: dict[str, Callable[..., Any]] = {}
    for names, formula in plain.items():
        for name in names.split():
            for module, only in modules.items():
                if only is None or name in only.split():
                    out[f"{module}.{name}"] = formula
    # NumPy's own `max` and `min` reduce an array.
    return {op: formula for op, formula in out.items() if op not in ("numpy.max", "numpy.min")}


def _printer(symbols: dict[str, Any]) -> Callable[[Any], str]:
    """Python text with the parameters' own names."""
    from sympy.printing.precedence import PRECEDENCE
    from sympy.printing.str import StrPrinter

    shown = {symbol.name: name for name, symbol in symbols.items()}
    constants = {name: f"math.{name}" if name in symbols else name for name in ("pi", "inf", "nan")}

    class Printer(StrPrinter):  # type: ignore[misc, unused-ignore]
        def _print_Symbol(self, e: Any) -> str:
            return shown[e.name]

        def _print_Pi(self, e: Any) -> str:
            return constants["pi"]

        def _print_Exp1(self, e: Any) -> str:
            return "exp(1)"

        def _print_Infinity(self, e: Any) -> str:
            return constants["inf"]

        def _print_NegativeInfinity(self, e: Any) -> str:
            return f"-{constants['inf']}"

        def _print_NaN(self, e: Any) -> str:
            return constants["nan"]

        def _print_ImaginaryUnit(self, e: Any) -> str:
            return "1j"

        def _print_Float(self, e: Any) -> str:
            return repr(float(e))

        def _print_Abs(self, e: Any) -> str:
            return f"abs({self._print(e.args[0])})"

        def _print_Relational(self, e: Any) -> str:
            left, right = (self.parenthesize(a, PRECEDENCE["Relational"]) for a in (e.lhs, e.rhs))
            return f"{left} {e.rel_op} {right}"

        def _print_And(self, e: Any) -> str:
            return " and ".join(self.parenthesize(a, PRECEDENCE["And"]) for a in e.args)

        def _print_Or(self, e: Any) -> str:
            return " or ".join(self.parenthesize(a, PRECEDENCE["Or"]) for a in e.args)

        def _print_Not(self, e: Any) -> str:
            return f"not {self.parenthesize(e.args[0], PRECEDENCE['Not'])}"

        def _print_BooleanTrue(self, e: Any) -> str:
            return "True"

        def _print_BooleanFalse(self, e: Any) -> str:
            return "False"

        def _print_Piecewise(self, e: Any) -> str:
            *cases, last = e.args
            parts = [f"{self._print(value)} if {self._print(cond)} else " for value, cond in cases]
            if last.args[1] == True:  # noqa: E712  (SymPy's own true)
                return f"({''.join(parts)}{self._print(last.args[0])})"
            return f"({''.join(parts)}{self._print(last.args[0])} if {self._print(last.args[1])} else {constants['nan']})"

    printer = Printer()
    return lambda e: str(printer.doprint(e))
