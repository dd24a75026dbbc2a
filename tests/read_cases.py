"""One construct each: a function and arguments; reading it and interpreting what was read must give what calling it gives."""

from __future__ import annotations

from typing import NamedTuple

HEADER = "import math\nimport operator\nfrom functools import partial, reduce\nimport numpy as np\n\nSCALE = 2.5\nTAU = 2 * np.pi\n\n"


class Case(NamedTuple):
    name: str
    text: str
    args: tuple[str, ...]  # expressions, each one tuple of arguments
    modes: str = "typed unknown"


CASES: list[Case] = []


def case(name: str, text: str, *args: str, modes: str = "typed unknown") -> None:
    import textwrap

    CASES.append(Case(name, HEADER + textwrap.dedent(text).lstrip("\n"), args, modes))


X3 = "np.array([0.5, -1.25, 2.0])"
M23 = "np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.5]])"

# Straight-line code.
case("product", "def f(x, a, b):\n    y = (x + a) * (x + b)\n    return y", "1.5, 2.0, 3.0", f"{X3}, 2.0, {X3}")
case("operators", "def f(x, y):\n    return (x - y) / y + x // y - x % y + x ** 2 - (-x) + (+y)", "7.5, 2.0", f"{X3}, 2.0")
case("matmul", "def f(a, b):\n    return a @ b", f"{M23}, {X3}")
case("compare", "def f(x, y):\n    return x < y, x <= y, x == y, x != y, x > y, x >= y", "1.0, 2.0", f"{X3}, 0.5")
case("names of its own", "def f(dx, t0, dt2, load, out, fit, y):\n    t1 = dx * t0\n    return load + out * fit + dt2 * t1 + y", "1., 2., 3., 4., 5., 6., 7.")
case("np as a name", "def f(np, math):\n    return np * math", "2.0, 3.0")
case("unpacking", "def f(p, q):\n    (a, b), *c = (p, q), p * 2, q * 3\n    d, e = c\n    return a + b * d - e", "2.0, 3.0")
case("chained assignment", "def f(x):\n    a = b = x * 2\n    c: float = a + b\n    return c", "2.0")
case("swap", "def f(a, b):\n    a, b = b, a\n    return a - 2 * b", "2.0, 5.0")
case("constants", "def f(x):\n    n = 3\n    s = 'abc'\n    c = 0.5\n    return x * n + len(s) + c + SCALE + TAU + np.pi + math.e", "2.0")
case("static if", "def f(x, flag=None):\n    mode = 'a'\n    if mode == 'a' and 2 > 1:\n        return x\n    return -x", "2.0")
case("walrus", "def f(x):\n    y = (z := x * 2) + z\n    return y + z", "2.0")
case("conditional expression", "def f(x, y):\n    return x if x > y else y * 2", "2.0, 1.0", "1.0, 2.0")
case("and or", "def f(x, y):\n    a = x and y\n    b = x or y\n    c = not x\n    return a + b + c", "2.0, 1.0", "0.0, 2.0")
case("short circuit", "def f(x):\n    if x > 0 and 1 / x > 0.1:\n        return x\n    return -1.0", "2.0", "0.0", "-3.0")
case("chained comparison", "def f(x):\n    if 0 < x <= 2:\n        return x * 10\n    return x", "1.0", "0.0", "2.0", "3.0")
case("lambda", "def f(x):\n    g = lambda u, k=2: u * k + x\n    return g(x) + g(3.0, k=x)", "1.5")
case("nested function", "def f(x):\n    c = 3.0\n    def g(u):\n        return u * c + x\n    c = 4.0\n    return g(x) * g(2.0)", "1.5")
case("helper twice", "def h(u, k=2.0, *, p=1.0):\n    v = u * k\n    return v + p\n\ndef f(x):\n    return h(x) * h(x + 1, 3.0) - h(k=x, u=2.0, p=5.0)", "1.5")
case("star args", "def h(*us, **ks):\n    return us[0] * us[1] + ks['a'] - len(us)\n\ndef f(x, y):\n    args = (x, y)\n    return h(*args, a=x) + h(y, *args, **{'a': 2.0})", "1.5, 2.5")
case("default of a helper from a global", "def h(u, k=SCALE):\n    return u * k\n\ndef f(x):\n    return h(x)", "1.5")
case("partial", "def h(u, v):\n    return u - v\n\ndef f(x):\n    g = partial(h, v=2.0)\n    return g(x) * partial(h, x)(3.0)", "1.5")
case("function as argument", "def twice(g, u):\n    return g(g(u))\n\ndef f(x):\n    return twice(np.sin, x) + twice(lambda u: u * u, x) + twice(math.cos, x)", "1.5")
case("attributes", "def f(x):\n    return x.T, x.shape[0], x.ndim, x.size, len(x), x.shape[0] * x.sum()", M23 + ",")
case("methods", "def f(x):\n    return x.sum(axis=0), x.mean(), x.reshape(3, 2), x.reshape((6,)), x.ravel(), x.copy(), x.dot(x.T), x.max(), x.astype(float)", M23 + ",")
case("indexing", "def f(x):\n    return x[0], x[-1, 1:], x[:, None], x[..., 0], x[::2], x[[1, 0]], x[x > 2], x[1][2], x[np.array([0, 1]), 1]", M23 + ",")
case("shape unpacked", "def f(x):\n    n, m = x.shape\n    return np.zeros((n, m)) + x * n", M23 + ",")
case("stack", "def f(x, y):\n    return np.stack([x, y]), np.concatenate((x, y)), np.array([x[0], 2.0, y[1]]), np.array([[x[0], 1.0], [0.0, y[1]]]), np.hstack([x, y])", f"{X3}, {X3}")
case("one item arrays", "def f(x):\n    return np.array([x]), np.array([[x]]), np.concatenate([np.array([x])])", "1.5")
case("svd", "def f(a):\n    u, s, vt = np.linalg.svd(a, full_matrices=False)\n    r = np.linalg.eigh(a @ a.T)\n    return s, np.linalg.svd(a).S, r.eigenvalues, np.linalg.svd(a, compute_uv=False)", M23 + ",")
case("einsum", "def f(a, b):\n    return np.einsum('ij,j->i', a, b)", f"{M23}, {X3}")
case("out of math", "def f(x):\n    return math.sin(x) + math.sqrt(abs(x)) + float(x) + round(x, 2) + max(x, 1.0) + min(x, 2.0, 3.0) + pow(x, 2)", "1.5")
case("int arithmetic", "def f(x):\n    n = 7 // 2 + 2 ** 3 - 5 % 3\n    return x * n, x ** (1 / 3)", "1.5")
case("sum of a display", "def f(x, y):\n    return sum([x, y, x * y]) + sum((x, y), 2.0)", "1.5, 2.0")
case("dict", "def f(x):\n    d = {'a': x, 'b': x * 2}\n    d['c'] = d['a'] + d['b']\n    d['a'] += 1\n    return d['a'] * d['c'] + d.get('z', 3.0) + sum(d.values())", "1.5")
case("dict result", "def f(x):\n    d = dict(a=x, b=[x, x * 2])\n    d.update(c=(x, 1.0))\n    return d", "1.5")
case("dict items", "def f(x):\n    s = 0.0\n    for k, v in {'a': x, 'b': 2.0}.items():\n        s += v * (2 if k == 'a' else 3)\n    return s", "1.5")
case("tuple ops", "def f(x):\n    t = (x, 2.0) + (3.0,)\n    return t[0] * t[-1] + t[1:][0] + len(t * 2)", "1.5")
case("list ops", "def f(x):\n    a = [x, 1.0]\n    a.append(x * 2)\n    a.insert(0, 5.0)\n    a[1] = a[1] * 3\n    b = a + [2.0]\n    c = b.pop() + b.pop(0)\n    a.extend([c, x])\n    a.reverse()\n    return a, b, c", "1.5")
case("list alias", "def f(x):\n    a = [x]\n    b = a\n    b.append(x * 2)\n    return a[0] * a[1] + len(a)", "1.5")
case("empty result", "def f(x):\n    y = x * 2\n    return None", "1.5")
case("constant result", "def f(x):\n    return 3.0", "1.5")
case("long chain", "def f(x):\n    return " + " + ".join(["x * 1.01"] * 400), "1.5")
case("deep nesting", "def f(x):\n    return " + "(" * 60 + "x" + " + 1)" * 60, "1.5")
case("is None", "def f(x, b=None):\n    if b is None:\n        b = 2.0\n    return x * b", "1.5", "1.5, 3.0", modes="typed")
case("isinstance", "def f(x):\n    if isinstance(x, np.ndarray):\n        return x.sum()\n    return x * 2", "1.5", X3 + ",", modes="typed")
case("operator module", "def f(x, y):\n    return operator.add(x, y) * operator.mul(x, 2.0)", "1.5, 2.0")
case("reduce map", "def f(x):\n    return reduce(lambda a, b: a * b, [x, 2.0, x + 1]) + sum(map(lambda v: v * v, [x, 1.0]))", "1.5")
case("string format", "def f(x):\n    s = 'n={}'.format(3)\n    return x * len(s)", "1.5")
case("conditional tuple", "def f(x):\n    a, b = (x, 1.0) if x > 1 else (2.0, x)\n    return a - b", "1.5", "0.5")
case("type cast", "def f(x):\n    return int(x) * 2.0 + float(3) + bool(x) + int('4')", "1.5")
case("abs all any", "def f(x):\n    return abs(x) + all([x > 1, x < 2]) + any([x > 5, x > 1])", "1.5", "-1.5")

# Branches.
case("if else", "def f(x):\n    if x > 1:\n        y = x * 2\n    else:\n        y = x * 3\n    return y", "1.5", "0.5")
case("elif", "def f(x):\n    y = 0.0\n    if x > 2:\n        y = x\n    elif x > 1:\n        y = x * 2\n    elif x > 0:\n        y = x * 3\n    return y + 1", "2.5", "1.5", "0.5", "-1.0")
case("early return", "def f(x):\n    if x > 1:\n        return x * 2\n    y = x * 3\n    return y", "1.5", "0.5")
case("nested return", "def f(x):\n    if x > 1:\n        if x > 2:\n            return x\n        y = x * 2\n    else:\n        y = x * 3\n    z = y + 1\n    if z > 5:\n        return z\n    return z * 2", "1.5", "0.5", "2.5", "1.9")
case("nested flags", "def f(x):\n    y = 1.0\n    if x > 1:\n        if x > 2:\n            return x\n        y = 5.0\n    y = y + 1\n    if x > 0:\n        if x > 0.5:\n            return y\n    return y * 2 + x", "1.5", "0.7", "2.5", "0.3", "-1.0")
case("return of tuples", "def f(x):\n    if x > 1:\n        return x, (x * 2, 1.0)\n    return 2.0, (x, x)", "1.5", "0.5")
case("variable of one branch", "def f(x):\n    if x > 1:\n        y = x * 2\n    if x > 1:\n        return y\n    return x", "1.5", "0.5")
case("arrays in branches", "def f(x, c):\n    if c > 0:\n        y = x * 2\n    else:\n        y = x\n    return y + 1", f"{X3}, 1.0", f"{X3}, -1.0")
case("in place in a branch", "def f(x, c):\n    y = x.copy()\n    if c > 0:\n        y[0] = 5.0\n    return y * 2", f"{X3}, 1.0", f"{X3}, -1.0")
case("list in branch", "def f(x, c):\n    out = [x]\n    if c > 0:\n        out.append(x * 2)\n    return sum(out) + len(out)", "1.5, 1.0", "1.5, -1.0")
case("raise", "def f(x):\n    if x < 0:\n        raise ValueError('negative', x)\n    return x * 2", "1.5", "-1.0")
case("raise in the middle", "def f(x):\n    if x < 0:\n        raise ValueError\n    elif x > 2:\n        y = x\n    else:\n        y = x * 2\n    return y", "1.5", "3.0", "-1.0")
case("assert", "def f(x):\n    assert x > 0, f'not positive: {x:.2f}'\n    return x * 2", "1.5", "-1.0")
case("print", "def f(x):\n    print('x', x, sep='=')\n    print(f'{x!r} {x:.3f}')\n    return x * 2", "1.5")
case("bool merge", "def f(x):\n    done = False\n    if x > 1:\n        done = True\n    n = 1\n    if done:\n        n = 2\n    return x * n", "1.5", "0.5")
case("return in helper", "def h(u):\n    if u > 1:\n        return u\n    return -u\n\ndef f(x):\n    a = h(x)\n    if a > 2:\n        return a\n    return h(a) + 1", "1.5", "0.5", "2.5")

# Loops.
case("for range", "def f(x):\n    s = 0.0\n    for i in range(4):\n        s += x * i\n    return s", "1.5")
case("range forms", "def f(x, n):\n    s = 0.0\n    for i in range(1, n):\n        s += i * x\n    for i in range(n, 0, -2):\n        s = s * x + i\n    for i in range(0):\n        s = 100.0\n    return s, i", "1.5, 5")
case("run-time step", "def f(x, a, b, c):\n    s = 0.0\n    for i in range(a, b, c):\n        s = s * 2 + i * x\n    return s", "1.5, 0, 7, 2", "1.5, 7, 0, -3", "1.5, 1, 1, 1")
case("for array", "def f(x):\n    s = 0.0\n    for v in x:\n        s += v * v\n    return s", X3 + ",")
case("for rows", "def f(x):\n    s = 0.0\n    for row in x:\n        s += row.sum() * row[0]\n    return s", M23 + ",")
case("zip", "def f(x, y):\n    s = 0.0\n    for a, b in zip(x, y):\n        s += a * b\n    return s", f"{X3}, {X3}", f"{X3}, {X3}[:2]")
case("enumerate", "def f(x):\n    s = 0.0\n    for i, v in enumerate(x, 1):\n        s += i * v\n    return s", X3 + ",")
case("enumerate zip", "def f(x, y):\n    s = 0.0\n    for i, (a, b) in enumerate(zip(x, y)):\n        s = s * a + i * b\n    return s", f"{X3}, {X3}")
case("reversed", "def f(x, n):\n    s = 0.0\n    for v in reversed(x):\n        s = s * 2 + v\n    for i in reversed(range(n)):\n        s = s * 2 + i\n    for i in reversed(range(1, n)):\n        s = s * 2 + i\n    return s", f"{X3}, 3")
case("for list", "def f(x):\n    s = 0.0\n    for v in [x, 2.0, x * 3]:\n        s = s * 2 + v\n    return s", "1.5")
case("for tuple of functions", "def f(x):\n    for g in (np.sin, np.cos, math.exp):\n        x = g(x)\n    return x", "1.5")
case("break", "def f(x):\n    s = 0.0\n    for i in range(10):\n        if s > x:\n            break\n        s += i\n    return s, i", "4.5", "100.0", "-1.0")
case("continue", "def f(x):\n    s = 0.0\n    for v in x:\n        if v < 0:\n            continue\n        s += v\n        if s > 100:\n            continue\n        s *= 2\n    return s", X3 + ",")
case("for else", "def f(x, t):\n    for v in x:\n        if v > t:\n            r = v * 2\n            break\n    else:\n        r = -1.0\n    return r", f"{X3}, 1.0", f"{X3}, 5.0")
case("else with return", "def f(x, t):\n    for v in x:\n        if v > t:\n            return v\n        if v < -5:\n            break\n    else:\n        return t\n    return 0.0", f"{X3}, 1.0", f"{X3}, 5.0", "np.array([-6.0]), 3.0")
case("return in loop", "def f(x, t):\n    for i in range(len(x)):\n        if x[i] > t:\n            return x[i] * i\n    return -1.0", f"{X3}, 1.0", f"{X3}, 5.0")
case("return in nested loops", "def f(x, t):\n    s = 0.0\n    for i in range(3):\n        for j in range(3):\n            s += x * (i + 1)\n            if s > t:\n                return s * 100\n            if j > i:\n                break\n        s += 1\n    return s", "1.5, 4.0", "1.5, 100.0", "1.5, 8.0")
case("while", "def f(x):\n    n = 0\n    while x < 100:\n        x = x * 2\n        n += 1\n    return x, n", "1.5", "200.0")
case("while break", "def f(x):\n    while True:\n        x = x * 2 + 1\n        if x > 50:\n            break\n    return x", "1.5")
case("while return", "def f(x):\n    while True:\n        x = x * 2 + 1\n        if x > 50:\n            return x\n        if x > 40:\n            return -x", "1.5", "9.9")
case("while else", "def f(x, n):\n    k = 0\n    while k < n:\n        x = x * 2\n        if x > 10:\n            break\n        k += 1\n    else:\n        x = x + 100\n    return x", "1.5, 2", "1.5, 10", "1.5, 0")
case("while walrus", "def f(x):\n    while (y := x * 2) < 100:\n        x = y + 1\n    return x, y", "1.5")
case("while and", "def f(x):\n    i = 0\n    while i < 5 and x < 20:\n        x = x * 1.5\n        i += 1\n    return x + i", "1.5", "15.0")
case("while helper", "def h(u):\n    return u * u < 100\n\ndef f(x):\n    while h(x):\n        x = x + 2\n    return x", "1.5")
case("while index", "def f(x):\n    i = 0\n    while i < len(x) and x[i] < 1:\n        i += 1\n    return i * 1.0", X3 + ",", "np.array([0.0, 0.1])")
case("newton", "def f(a):\n    x = a\n    for _ in range(50):\n        d = (x * x - a) / (2 * x)\n        x = x - d\n        if abs(d) < 1e-12:\n            break\n    return x", "2.0")
case("append", "def f(x):\n    out = []\n    for i in range(4):\n        out.append(x * i)\n    s = 0.0\n    for v in out:\n        s = s * 2 + v\n    return s + out[-1] + out[1] + len(out)", "1.5")
case("append arrays", "def f(x):\n    out = []\n    for i in range(3):\n        x = x * 2\n        out.append(x)\n    return np.stack(out), out[0] + out[-1], np.array(out)", X3 + ",")
case("append and pop", "def f(x):\n    st = []\n    for i in range(4):\n        st.append(x * i)\n    s = 1.0\n    for i in range(4):\n        s = s * 2 + st.pop()\n    return s, len(st)", "1.5")
case("list written", "def f(x, n):\n    a = [0.0] * n\n    for i in range(n):\n        a[i] = x * i\n    a[0] += 5\n    return a[0] * a[n - 1] + sum(a)", "1.5, 4")
case("comprehension", "def f(x):\n    a = [v * v for v in x]\n    b = [v for v in x if v > 0]\n    return sum(a), sum(b), len(b), np.array([v * 2 for v in x])", X3 + ",")
case("comprehension over range", "def f(x, n):\n    return np.array([x * i for i in range(n)]).sum() + sum(x ** k for k in range(n))", "1.5, 4")
case("nested comprehension", "def f(x, n):\n    return np.array([[x * i + j for j in range(n)] for i in range(2)]), [x * i for i in range(2) for j in range(n) if i != j]", "1.5, 3")
case("generator", "def f(x):\n    return sum(v * v for v in x), max(v for v in x), min([v * 2 for v in x]), any(v > 1 for v in x), all(v > 1 for v in x)", X3 + ",")
case("comprehension scope", "def f(x):\n    v = 10.0\n    a = [v * 2 for v in x]\n    return v + a[0]", X3 + ",")
case("comprehension of helper", "def h(u):\n    return u * 2 if u > 0 else u\n\ndef f(x):\n    return sum([h(v) for v in x])", X3 + ",")
case("dict comprehension", "def f(x):\n    d = {k: x * i for i, k in enumerate('ab')}\n    return d['a'] + d['b'] * 2", "1.5")
case("nested loops", "def f(a, b):\n    n, k = a.shape\n    m = b.shape[1]\n    c = np.zeros((n, m))\n    for i in range(n):\n        for j in range(m):\n            for l in range(k):\n                c[i, j] += a[i, l] * b[l, j]\n    return c", f"{M23}, {M23}.T")
case("fibonacci", "def f(x, n):\n    a, b = x, 1.0\n    for _ in range(n):\n        a, b = b, a + b\n    return a", "1.5, 6")
case("ping pong", "def f(x):\n    a = x.copy()\n    b = np.zeros_like(a)\n    for _ in range(3):\n        b[1:-1] = a[:-2] + a[2:]\n        a, b = b, a\n    return a, b", "np.array([1.0, 2.0, 3.0, 4.0])", modes="typed")
case("loop type change", "def f(x):\n    s = 0\n    for v in x:\n        s = s + v\n    return s", X3 + ",")
case("tuple carried", "def f(x):\n    p = (x, 1.0)\n    for i in range(3):\n        p = (p[0] + p[1], p[0])\n    return p", "1.5")
case("loop variable after", "def f(x):\n    for i in range(3):\n        y = x * i\n    return y + i", "1.5")
case("loop var rebound", "def f(x):\n    s = 0.0\n    for i in range(4):\n        i = i * 2\n        s += i * x\n    return s + i", "1.5")
case("eight loops", "def f(x):\n    s = 0.0\n" + "".join("    " * (k + 1) + f"for i{k} in range(2):\n" for k in range(8)) + "    " * 9 + "s = s * 1.01 + x\n    return s", "1.5")
case("fifteen ifs", "def f(x):\n    s = 0.0\n" + "".join("    " * (k + 1) + f"if x > {k}:\n" + "    " * (k + 2) + f"s += {k}\n" for k in range(15)) + "    return s", "1.5", "7.5", "20.0")
case("while with list", "def f(x):\n    xs = [x]\n    while xs[-1] < 50:\n        xs.append(xs[-1] * 2)\n    return xs, len(xs)", "1.5")
case("loop over list of arrays", "def f(x):\n    layers = [x, x * 2, x[:2]]\n    s = 0.0\n    for a in layers:\n        s += a.sum()\n    return s", X3 + ",")
case("dict carried", "def f(x):\n    st = {'a': x, 'n': 0}\n    for i in range(3):\n        st['a'] = st['a'] * 2 + i\n        st['n'] += 1\n    return st['a'] * st['n']", "1.5")
case("helper with loop", "def h(u, n):\n    s = 0.0\n    for i in range(n):\n        if i == 2:\n            continue\n        s += u * i\n        if s > 20:\n            return -s\n    return s\n\ndef f(x):\n    t = 0.0\n    for k in range(3):\n        t += h(x, k + 2) + h(t, 3)\n    return t", "1.5", "6.0")
case("break of unrolled", "def f(x):\n    s = 0.0\n    for v, w in [(x, 1), (2.0, 2), (3.0, 3)]:\n        if v > x + 1.2:\n            break\n        if w == 2:\n            continue\n        s = s * 2 + v * w\n    else:\n        s += 1000\n    return s", "1.5", "0.5", "9.0")
case("return of unrolled", "def f(x):\n    for v in (1.0, 2.0, 3.0):\n        if x < v:\n            return v * x\n    return 0.0", "0.5", "1.5", "5.0")

# Writing into arrays.
case("element", "def f(x):\n    y = x * 1\n    y[0] = 5.0\n    y[-1] += y[1]\n    y[1] *= 2\n    return y", X3 + ",")
case("parameter written", "def f(x):\n    x[0] = x[1] * 2\n    x[1:] += 1\n    return x.sum() + x[0]", X3 + ",")
case("view written", "def f(u, c):\n    for i in range(u.shape[0]):\n        row = u[i]\n        row[1:-1] += c * (row[:-2] - 2 * row[1:-1] + row[2:])\n    return u * 2", "np.arange(15.0).reshape(3, 5) ** 2, 0.1", modes="typed unknown")
case("view seen", "def f(x):\n    y = x.copy()\n    v = y[1:]\n    y[1] = 100.0\n    v[1] = 50.0\n    return v.sum() + y.sum()", X3 + ",")
case("view of view", "def f(x):\n    y = x.copy()\n    v = y[1:][:1]\n    v += 10.0\n    return y", X3 + ",")
case("transpose written", "def f(x):\n    y = x.copy()\n    y.T[0, 1] = 50.0\n    z = y.T\n    z[2] *= 3\n    return y, z", M23 + ",")
case("reshape written", "def f(x):\n    y = np.zeros((2, 3))\n    y[:] = x\n    y.reshape(-1)[2] = 50.0\n    r = y.ravel()\n    r[0] = 7.0\n    return y, r", M23 + ",")
case("reshape of parameter", "def f(x):\n    x.reshape(-1)[2] = 50.0\n    return x * 2", M23 + ",")
case("swapaxes written", "def f(x):\n    y = x.copy()\n    np.swapaxes(y, 0, 1)[0] = 5.0\n    y[:, None][0, 0] = 9.0\n    return y", M23 + ",")
case("alias scaled", "def f(y):\n    z = y\n    z *= 2\n    return y + z", "3.0", X3 + ",", modes="typed")
case("alias of local", "def f(x):\n    y = x * 1.0\n    z = y\n    z *= 2\n    return y + z", X3 + ",", "3.0", modes="typed")
case("alias unknown scalar", "def f(y):\n    z = y\n    z *= 2\n    return y + z", "3.0")
case("alias unknown array", "def f(y):\n    z = y\n    z *= 2\n    return y[0] + z", X3 + ",")
case("augmented forms", "def f(x):\n    y = x * 1.0\n    y += 1\n    y -= 0.5\n    y *= x\n    y /= 2\n    y **= 2\n    y //= 0.25\n    y %= 3\n    return y", X3 + ",", "2.5")
case("augmented float32", "def f(x, v):\n    y = x * np.float32(1)\n    y += v\n    return y", "np.array([1.0, 2.0], dtype=np.float32), np.array([0.1, 0.2])", modes="typed")
case("augmented broadcast", "def f(x, v):\n    y = x.copy()\n    y += v\n    return y", f"{M23}, {X3}")
case("fancy write", "def f(x):\n    y = x.copy()\n    y[[0, 2]] = 5.0\n    y[[1, 1]] += 1.0\n    return y", X3 + ",")
case("mask write", "def f(x):\n    y = x.copy()\n    y[y < 0] = 0.0\n    y[y > 1] *= 2\n    return y", X3 + ",")
case("add at", "def f(x):\n    y = np.zeros(3)\n    np.add.at(y, np.array([0, 0, 2]), x)\n    return y", X3 + ",")
case("out argument", "def f(x):\n    y = np.zeros(3)\n    np.multiply(x, 2.0, out=y)\n    z = np.add(y, x, out=y)\n    np.sin(x, y)\n    return y, z", X3 + ",")
case("copyto fill", "def f(x):\n    y = np.empty_like(x)\n    np.copyto(y, x)\n    z = np.empty(3)\n    z.fill(2.5)\n    return y * z", X3 + ",")
case("sort in place", "def f(x):\n    y = x.copy()\n    y.sort()\n    return y", X3 + ",")
case("helper mutates", "def h(u, k):\n    u[0] = k\n    if k > 2:\n        return u.sum()\n    u[1] *= 2\n    return 0.0\n\ndef f(x, k):\n    y = x.copy()\n    a = h(y, k)\n    return y + a", f"{X3}, 1.0", f"{X3}, 3.0")
case("helper returns its argument", "def h(u):\n    u[0] = 1.0\n    return u\n\ndef f(x):\n    y = x.copy()\n    z = h(y)\n    z[1] = 5.0\n    return y + z", X3 + ",")
case("swap elements", "def f(x):\n    y = x.copy()\n    y[0], y[2] = y[2], y[0]\n    return y", X3 + ",")
case("swap with temporary", "def f(x, i, j):\n    t = x[i]\n    x[i] = x[j]\n    x[j] = t\n    return x * 2", f"{X3}, 0, 2")
case("swap rows", "def f(x):\n    y = x.copy()\n    y[[0, 1]] = y[[1, 0]]\n    t = y[0].copy()\n    y[0] = y[1]\n    y[1] = t\n    return y", M23 + ",")
case("swap rows wrongly", "def f(x):\n    y = x.copy()\n    t = y[0]\n    y[0] = y[1]\n    y[1] = t\n    return y", M23 + ",", modes="typed")
case("in place recurrence", "def f(x):\n    y = np.zeros_like(x)\n    y[0] = x[0]\n    for i in range(1, len(x)):\n        y[i] = y[i - 1] * 0.5 + x[i]\n    return y[-1]", X3 + ",")
case("overwritten slot", "def f(x):\n    y = x.copy()\n    a = y[0]\n    y[0] = 2.0\n    return a * y[0]", X3 + ",")
case("history copies", "def f(x):\n    u = x.copy()\n    hist = []\n    for i in range(3):\n        u[0] += 1.0\n        hist.append(u.copy())\n    return np.stack(hist), hist[0]", X3 + ",")
case("history of one array", "def f(x):\n    u = x * 1.0\n    hist = [u]\n    u *= 2\n    return hist[0] + u", X3 + ",", modes="typed")
case("rows of list", "def f(x):\n    rows = [x * i for i in range(3)]\n    rows[1] = rows[1] + 5\n    r = rows[2]\n    s = 0.0\n    for i in range(3):\n        s += rows[i][0]\n    return s + r.sum()", X3 + ",")
case("item of list written", "def f(x, n):\n    rows = [np.zeros(3) for i in range(n)]\n    for i in range(n):\n        rows[i][1] = x * i\n    return rows[0] + rows[n - 1]", "1.5, 3")
case("conditional alias read", "def f(x, c):\n    y = x.copy()\n    z = y if c > 0 else x\n    w = z * 2\n    y[0] = 3.0\n    return w + y", f"{X3}, 1.0", f"{X3}, -1.0")
case("gauss seidel", "def f(b, n):\n    x = np.zeros(3)\n    for _ in range(n):\n        for i in range(3):\n            s = b[i]\n            for j in range(3):\n                if j != i:\n                    s -= 0.2 * x[j]\n            x[i] = s / 2.0\n    return x", f"{X3}, 3")
case("cholesky", "def f(a):\n    n = a.shape[0]\n    l = np.zeros((n, n))\n    for i in range(n):\n        for j in range(i + 1):\n            s = a[i, j]\n            for k in range(j):\n                s -= l[i, k] * l[j, k]\n            if i == j:\n                l[i, j] = math.sqrt(s)\n            else:\n                l[i, j] = s / l[j, j]\n    return l", "np.array([[4.0, 1.0], [1.0, 3.0]])")
case("heat", "def f(u, c, n):\n    for _ in range(n):\n        u[1:-1, 1:-1] += c * (u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * u[1:-1, 1:-1])\n    return (u ** 2).sum()", "np.arange(16.0).reshape(4, 4) ** 1.5, 0.1, 3")
case("array rebound in loop", "def f(x):\n    u = x\n    for i in range(3):\n        un = u.copy()\n        un[0] = un[1] * 2\n        u = un\n    return u, x", X3 + ",")
case("flat", "def f(x):\n    y = np.zeros((2, 3))\n    y[:] = x\n    y.flat[3] = 9.0\n    return y, y.flat[1]", M23 + ",")
case("same argument twice", "def h(a, b):\n    a[0] = 5.0\n    return b.sum()\n\ndef f(x):\n    y = x.copy()\n    return h(y, y)", X3 + ",")
case("array default", "def f(x):\n    y = np.array([1.0, 2.0, 3.0])\n    y[1] = x\n    return y", "1.5")
case("spine", """
def stencil(row, c):
    row[1:-1] += c * (row[:-2] - 2 * row[1:-1] + row[2:])
    return row.sum()

def f(u, c, tol):
    hist = []
    for i in range(u.shape[0]):
        row = u[i]
        row[1:-1] += c * (row[:-2] - 2 * row[1:-1] + row[2:])
        hist.append(row.sum())
    y = u * SCALE
    z = y
    z *= 2
    if y.sum() > 1e6:
        return y.sum()
    k = 0
    while True:
        s = stencil(y[0], c) + stencil(y[1], c)
        k += 1
        if s < tol or k > 5:
            break
    total = 0.0
    for h in hist:
        total += h * h
    return total + z.sum() + s
""", "np.arange(15.0).reshape(3, 5) ** 2 / 10, 0.1, 20.0", "np.arange(15.0).reshape(3, 5) ** 2 * 1e5, 0.1, 20.0", modes="typed")
case("reverse code", """
def f(x, n):
    tape = []
    s = 0.0
    for i in range(n):
        tape.append(s)
        s = s * x[i] + np.sin(s)
    ds = 1.0
    dx = np.zeros(3)
    for i in range(n - 1, -1, -1):
        s = tape.pop()
        dx[i] += ds * s
        ds = ds * x[i] + ds * np.cos(s)
    return dx, ds
""", f"{X3}, 3")
case("tuple from function", "def h(u):\n    return u * 2, u[0]\n\ndef f(x):\n    a, b = h(x)\n    a[0] = b + 1\n    return a, b, x", X3 + ",")
case("copy on slice assignment", "def f(x):\n    y = x.copy()\n    y[1:] = y[:-1]\n    y[:] = y[::-1]\n    return y", X3 + ",")
case("int loop float", "def f(x, n):\n    p = 1\n    for i in range(1, n):\n        p = p * i\n    return x * p", "1.5, 5")
case("unbound until loop", "def f(x):\n    for i in range(3):\n        if i == 0:\n            prev = x\n        else:\n            prev = prev * 2 + cur\n        cur = prev + 1\n    return prev", "1.5")
case("max min accumulate", "def f(x):\n    best = x[0]\n    for v in x:\n        if v > best:\n            best = v\n    return best", X3 + ",")
case("errstate", "def f(x):\n    with np.errstate(all='ignore'):\n        y = np.sqrt(x * x)\n    return y", X3 + ",")
case("star result", "def f(x):\n    a = [1.0, x]\n    return [*a, x * 2], (*a, 3.0)", "1.5")
case("shape loops", "def f(x):\n    s = 0.0\n    for i in range(x.shape[0]):\n        for j in range(x.shape[1]):\n            s += x[i, j] * (i + j)\n    return s", M23 + ",")
case("negative zero trips", "def f(x):\n    s = x\n    for i in range(5, 2):\n        s = s * 2\n    return s", "1.5")
case("None result branch", "def f(x):\n    y = None\n    if x > 0:\n        y = x\n        return y\n    return x * 3", "1.5", "-1.0")
