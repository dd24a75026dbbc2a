"""The expressions and simple statements of random programs, as tables of forms, and how the blanks in them are filled.

A letter in braces is a blank: `{e} {f} {g}` numbers, `{v} {w}` vectors of length N, `{h} {b}` arrays of one element or of N,
`{a}` an element, `{k}` a constant, `{c}` a test; names of variables `{N}` `{V} {W}` `{M}` `{L}` (one of these)
`{F}` (a function) `{I}` (a list of numbers) `{R}` (a list of vectors) `{D}` (a dict of a number `k` and a vector `v`) `{P}` (a
pair of both); `{i} {j}` places in a vector, `{p} {q} {r} {t}` fresh names, `{o}` what writes, `{x}` a number or a vector.
The same blank twice is filled alike.
"""

from __future__ import annotations

N = 4

NUMBERS = """
({e} + {f})
({e} - {f})
{e} * {f}
{e} / (2.0 + {f} ** 2)
(0.5 * {e}) ** 2
-{N}
np.sin({e})
np.tanh({e})
math.exp(-({e}) ** 2)
math.sqrt(0.1 + ({e}) ** 2)
np.log(1.5 + np.cos({e}))
abs({e})
max({e}, {f})
min({e}, {f}, 1.5)
float({e})
np.maximum({e}, {f})
np.hypot({e}, 1.0)
np.clip({e}, -1.0, 1.5)
np.arctan2({e}, 2.0)
np.sum({v})
({v}).mean()
({v} @ {w})
np.dot({v}, {w})
np.linalg.norm({v})
np.max({v})
({v}).min()
sum({v})
sum({q} * {e} for {q} in {v})
max({q} - {e} for {q} in {V})
sum([{q} ** 2 for {q} in {V} if {q} > 0.4])
np.trace({M})
np.mean({M} * {e})
len({V}) * {e}
{V}.size * {e}
np.prod(({v})[:2])
float(np.sum(({v})[1:] * ({w})[:-1]))
sum({p} * {q} for {p}, {q} in zip({V}, {w}))
np.einsum('i,i->', {v}, {w})
smooth({e}, {f})
smooth({e})
smooth(k={e}, u={f})
total([{e}, {f}], {g})
total(({e}, {f}))
scatter({v} * 1.0, {e})
scatter({V}, {e})
moments({v})[1]
first({v}, {e})
norm({e}, {f})
norm({e}, scale={f})
(lambda {q}: {q} * {e})({f})
apply(np.sin, {e})
np.sum(tail({v}))
tail({v}, first=2)[0]
apply(lambda {q}: {q} * 0.5 + {e}, {f}, times=3)
{F}({e})
{F}({e})
apply({F}, {e})
({e} if {c} else {f})
({e} if {c} else {f}) * {g}
({t} := {N}) * {t}
({e} or {f})
({e} and {f})
np.where({e} > {k}, {f}, {g})
np.sum(np.diagonal({M}) * {e})
power({e}, 3)
power({e}, 2)
fold([{e}, {f}, {a}])
fold({I})
halves({v})
even({e}, 3)
both({e}, 2)[1]
deep({v}, {e}, 2)
(np.min({v}) if {c} else {e})
{B}.energy()
{B}.step({e})
{B}.level * {e}
{B}.until({e})
({B} + {B}).k
sum({B}.seen)
{C}.k * {C}.scale
{C}.apply({v})[{i}]
{T}.norm()
sum(np.sum({q}) for {q} in {E}["b"])
np.sum({h})
np.sum({h} * {b})
np.sum({h} * {v})
({h}).mean() * {e}
np.max({h} - {b})
np.sum(np.sin({L}) * {b})
len({L}) * {e}
float(np.sum({L}[:1] * {h}))
sum({q} * {e} for {q} in {L})
np.linalg.norm({h} + 1.0)
(np.split({v}, 2)[1] @ ({w})[:2])
"""

LOOSE = """
{L}
{L}
{V}
{V}[:1]
{V}[2:3]
{V}[-1:]
({V} if {c} else {V}[:1])
({L} if {c} else {V})
({h} + {b})
({h} - {e})
{h} * {b}
{h} / (2.0 + ({b}) ** 2)
np.array([{e}])
np.atleast_1d({e})
np.sin({h})
np.maximum({h}, {b})
np.where({h} > 0.4, {b}, {e})
np.where({e} > {k}, {h}, {b})
np.mean({v}, keepdims=True)
np.sum({M}, axis=1, keepdims=True)[{i}]
({h})[::-1]
-({h})
({h} * {b}[:, None]).sum(axis=1)
({h}).copy()
widest({h}, {b})
{M}[:1, {i}]
"""

ELEMENTS = """
{V}[{i}]
{V}[{i}]
{V}[::-1][{i}]
{M}[{i}, {j}]
{M}[{i}][{j}]
{M}.T[{i}, {j}]
{M}[..., {i}][{j}]
{M}.ravel()[5]
{V}.reshape(2, 2)[1, 0]
{V}[1:][0]
{V}[None, {i}][0]
{I}[-1]
{I}[0]
{R}[-1][{i}]
{D}["k"]
{D}["v"][{i}]
{D}.get("k", 0.0)
{P}[0]
{P}[1][{i}]
{B}.k
{B}.u[{i}]
{C}.k
{C}.u[{i}]
{T}.k
{T}[1][{i}]
{E}["a"]["k"]
{E}["b"][1]
{E}["b"][0][{i}]
{S}[0].k
{K}[{i}].w
{Q}[-1]["w"]
{Y}[-1].k
{A}["one"]
"""

ROWS = """
{V}
{V}
{M}[{i}]
{M}[:, {i}]
{M}.T[{i}]
{M}[{i}, ::-1]
{M}.diagonal().copy()
{M}[..., {i}]
{M}[::-1][{i}]
{R}[-1]
{R}[0]
{D}["v"]
{P}[1]
{B}.u
{C}.u
{T}.u
{E}["b"][0]
"""

VECTORS = """
({v} + {w})
({v} - {e})
{e} * {v}
{v} * {w}
np.sin({v})
np.exp(-(({v}) ** 2))
np.where({v} > 0.4, {w}, {e})
np.where({e} > {k}, {v}, {w})
{v} / (2.0 + {w} ** 2)
np.maximum({v}, {e})
np.minimum({v}, {w})
np.abs({v})
np.sqrt(({v}) ** 2 + 0.1)
np.tanh({v}) * {e}
-{V}
({v}).clip(-1.0, 1.2)
(2.0 + np.sin({v})) ** {w}
({v})[::-1]
({v}).copy()
np.concatenate([({v})[:2], ({w})[2:]])
({v})[[3, 0, 0, 1]]
({v})[np.array([1, 1, 2, -1])]
np.roll({v}, 1)
({v}).reshape(2, 2).T.ravel()
np.asarray({v})
np.array({V})
np.append(({v})[1:], {e})
np.hstack((({v})[1:], ({w})[:1]))
({v})[:, None].T[0]
np.flip({v})
np.sort({v})
np.cumsum({v}) * 0.3
np.take({v}, [2, 1, 1, 0])
np.stack([{e}, {f}, ({v})[0], ({w})[1]])
np.array([{e}, {f}, 0.5, ({v})[2]])
np.array([{q} * {e} for {q} in {v}])
np.array([{V}[{q}] * {e} for {q} in range(4)])
np.array([{q} if {q} > 0.5 else {e} for {q} in {v}])
np.array([{p} * {q} for {p}, {q} in enumerate({v})])
np.array([{q} for {q} in reversed({v})])
np.full(4, {e})
np.zeros(4) + {e}
np.ones_like({v}) * {e}
bump({v}, {e})
shift({v}, {e})
{m} @ ({v})
({v}) @ {m}
{m}.sum(axis=0) * 0.2
np.mean({m}, 1)
np.max({m}, axis=1)
np.diag({m})
np.outer({v}, {w})[{i}]
(({v})[:, None] * {w}).sum(axis=1)
np.einsum('ij,j->i', {m}, {v})
np.diagonal({M}) * {e}
{C}.apply({v})
({v} + {h})
({v} * {h})
{h} - {v}
np.zeros(4) + {h}
np.where({V} > 0.4, {h}, {w})
np.maximum({v}, {h})
np.broadcast_to({h}, (4,)) * {e}
np.concatenate(np.split({v}, 2)[::-1])
"""

MATRICES = """
{M}
{M}
{M}
({M} * {e})
({M} + {v})
{M}.T
np.outer({v}, {w})
({M} @ {M})
np.sin({M})
({v}[:, None] * {w}[None, :])
(np.eye(4) * {e})
{M}[::-1]
{M}.copy()
{M}[:, [0, 0, 3, 1]]
np.vstack([{v}, {w}, {M}[:2]])
({M} - ({v})[:, np.newaxis])
np.triu({M})
np.stack([{v}, {w}, {v}, {w}], axis=1)
np.where({M} > 0.1, {M}, {e})
({M} + {h})
{M} * ({h})[:, None]
({M} - {M}.mean(axis=0, keepdims=True))
({M} * {M}[:, :1])
({M}[:1] + ({v})[:, None])
"""

TESTS = """
{e} < {k}
{e} > {k}
{e} >= {k}
{e} < {k} and {a} < 0.8
{e} > {k} or {a} < 0.3
-0.5 < {e} <= {a}
not {e} > {k}
({t} := {N}) > 0.5 and {t} < 2.0
np.any({V} > 0.9)
{i} < 1
{i} == 1
{i} != 2
"""

WRITES = """
{V}[{i}] = {e}
{V}[{i}] {o} {e}
{V}[{i}] {o} {a}
{V}[1:3] {o} {e}
{V}[1:3] {o} ({v})[:2]
{V}[1:] {o} ({v})[:-1]
{V}[1:] += {V}[:-1]
{V}[:] {o} {x}
{V}[...] {o} {x}
{V}[::2] {o} {e}
{V}[::-1] {o} {v}
{V}[-2::-2] {o} ({v})[:2]
{V}[[0, 2]] {o} {e}
{V}[[0, 0, 2]] {o} {e}
{V}[np.array([3, 1])] {o} ({v})[:2]
{V}[{W} > 0.6] {o} {e}
{V}[{V} < 0.5] = {V}[{V} < 0.5] * {e}
{V}[None, 1:] {o} {e}
{V}[0], {V}[1] = {V}[1], {V}[0]
{V}[[0, 1]] = {V}[[1, 0]]
{V}.reshape(2, 2)[0] {o} {e}
{V}.ravel()[{i}] {o} {e}
{V}.flat[{i}] {o} {e}
{V}.fill({e})
{V}.sort()
np.add.at({V}, [0, 0, 2], {e})
np.add.at({V}, np.array([1, 3, 1]), ({v})[1:])
np.subtract.at({V}, {i}, {e})
np.copyto({V}, {v})
np.multiply({V}, {v}, out={V})
np.sin({v}, out={V})
np.add({V}[1:], {e}, out={V}[:-1])
{M}[{i}] {o} {x}
{M}[:, {i}] {o} {x}
{M}[{i}, {j}] {o} {e}
{M}[{i}][{j}] {o} {e}
{M}.T[{i}] {o} {x}
{M}.T[{i}, {j}] {o} {e}
{M}[1:, :2] {o} {e}
{M}[..., {i}] {o} {x}
{M}[[0, 2]] {o} {x}
{M}[[0, 2], [1, 1]] {o} {e}
{M}[[0, 2, 0], [1, 1, 1]] {o} {e}
{M}[{M} > 0.5] {o} {e}
{M}[{V} > 0.5] {o} {x}
{M}.reshape(-1)[{i}::3] {o} {e}
{M}.reshape(2, 8)[1, ::2] {o} {x}
{M}[{i}], {M}[{j}] = {M}[{j}].copy(), {M}[{i}].copy()
{M}[[{i}, {j}]] = {M}[[{j}, {i}]]
{M}.ravel()[3:7] {o} {x}
{M}[::2, ::-1] {o} {v}
{M}[1:-1, 1:-1] {o} 0.2 * ({M}[:-2, 1:-1] + {M}[2:, 1:-1])
{M}[:] = {m}
np.add.at({M}, ([0, 1, 0], [1, 1, 1]), {e})
np.matmul({M}, {v}, out={V})
{M}[{i}, 1:][0] {o} {e}
{M}[np.triu_indices(4)] {o} {e}
{V}[~({V} > 0.5)] {o} {e}
{V}[({V} > 0.2) & ({W} < 0.9)] {o} {e}
{M}[[0, 0, 3]] += {x}
np.cumsum({v}, out={V})
np.clip({v}, 0.1, 1.0, out={V})
np.negative({V}, out={V})
np.subtract({W}[::-1], {e}, out={V})
np.add({M}[0], {e}, out={M}[1])
{V}[{i}], {M}[{i}, {j}] = {M}[{i}, {j}], {V}[{i}]
{V}[::-1][1:][{j} // 2] {o} {e}
"""

LOOSELY = """
{L} = {h}
{L} = {L} * {h}
{L} = {L} + {e}
{L} *= {e}
{L} += {L}[0]
{L}[0] {o} {e}
{L}[:] {o} {e}
{L}[-1] {o} {a}
{V}[:] {o} {h}
{V} += {h}
{V} *= {h}
{M}[{i}] {o} {h}
{M} *= {h}
{V}[1:2] {o} ({v})[:1]
{t} = {L};;{t}[0] {o} {e}
{t} = {L}[:1];;{t} {o} {e}
for {q} in range(2):;;    {L} = {L} * {h};;    {L}[0] {o} {e}
if {c}:;;    {L} = {h};;else:;;    {L} = {L} * {e}
if {c}:;;    {L} = {h}
{p} = [{h}, {b}, {L}];;{V}[:] {o} {p}[0] * {p}[{i}]
{p} = [{h} for {q} in range(2)];;{V}[:] {o} {p}[0] + {p}[1]
{p}, {q} = np.split({V}, 2);;{p} {o} {e};;{q}[0] {o} {a}
while {L}[0] > 1.0:;;    {L} = {L} * 0.4
"""

# Views and aliases: bound to a name and perhaps written through it.
VIEWS = (
    ROWS
    + """
{M}[1:][0]
{M}.T[::-1][{i}]
{M}.reshape(-1)[::4]
{V}[::-1]
{V}.reshape(2, 2).ravel()
np.asarray({V})
tail({M}, first=2)[0]
"""
)
PARTS = """
{V}[1:]
{V}[::2]
{M}[1:, 0]
{M}.T[2, 1:]
{M}.ravel()[3:7]
tail({V})
{V}[::-1][1:]
{M}[::2][1]
{V}[1:][::-1]
"""

# `;;` begins a line of a statement that has several.
CALLS = """
relax({V})
relax({M}[{i}], 0.3)
relax({M}[:, {i}], omega={e})
relax({V}[::-1], sweeps=1)
scatter({V}, {e})
scatter({M}[{i}], {e})
scatter({V}[::-1], {e})
shift({v}, {e}, out={V})
{t} = tail({V});;{t}[0] {o} {e}
{V}, {W} = {W}, {V}
{t} = {M}[1:3];;{q} = {t}[:, ::2];;{q}[0] {o} {e};;{t}[1] *= {a}
{t} = {V} if {c} else {W};;{t}[{i}] {o} {e}
{V} += {x}
{V} -= {x}
{V} *= {x}
{V} /= (2.0 + ({v}) ** 2)
{M} *= {e}
{M} += {v}
{N} += {e}
{N} -= {e}
{N} *= {e}
{t} = {V}[:1] * {e};;{t}[0] += {a};;{V}[:] = {V} * {t}
{t} = {V}[:, None] * {e};;{M}[:] += {t}
{t} = ({v}).astype(np.float32);;{t}[1:] *= {a};;{V}[0] = {t}.sum()
settle({V}, 1)
settle({M}[{i}], 2)
settle({V}[::-1], 2)
kick({B}, {e})
{t} = {M}[1:];;{q} = {t}.T;;{q}[{i}][0] {o} {e};;{t}[1, 2:] *= {a}
{t} = {M}.reshape(2, 2, 4);;{t}[0, 1] {o} {x}
{t} = {M}[:, 1:3];;{t} *= {e}
try:;;    {V}[{i}] = math.sqrt({e});;except ValueError:;;    {V}[{i}] = {f}
try:;;    if {c}:;;        raise ValueError("no");;    {V}[{i}] {o} {e};;except ValueError:;;    {V}[0] = {f}
try:;;    {V}[{i}] {o} {e};;finally:;;    {N} = {N} * 0.5
match {i}:;;    case 0 | 1:;;        {V}[0] {o} {e};;    case 2:;;        {M}[0] *= {a};;    case _:;;        {N} = {f}
match ({e}, {f}):;;    case ({p}, {q}) if {p} > {q}:;;        {V}[{i}] {o} {p};;    case ({p}, _):;;        {N} = {p} * 0.5
match {B}:;;    case Body(k={p}) if {p} > 0.5:;;        {V}[0] {o} {p};;    case Body(u={q}):;;        {q}[{i}] {o} {e}
match {T}:;;    case Point({p}, {q}) if {p} > 0.4:;;        {q}[0] {o} {p};;    case _:;;        {N} = {f}
match {I}:;;    case [{p}, *{q}]:;;        {V}[0] {o} {p} + len({q});;    case _:;;        pass
"""

EFFECTS = """
print("step", {i}, {a} > 0.5)
print(f'{{{i}}} of {{len({V})}}')
assert np.all(np.isfinite({V})), 'not finite'
if {a} > 1e6:;;    raise ValueError(f"too large: {{a}}")
with np.errstate(all='ignore'):;;    {V}[{i}] = np.sqrt({a} ** 2 + 0.1)
pass
"""

# New numbers, by the names before `=`, which are fresh.
BOUND = """
{p} = {q} = {e}
{p}, {q} = {e}, {f}
({p}, {q}) = moments({v})
{p}, {q} = moments({v})
{p} = np.array({e});;{p} += {f}
{p} = 0;;for {q} in {v}:;;    {p} += {q} * {a}
{p} = total({I})
{p} = sum({I}) / len({I})
{p} = max({I}) - min({I})
{p} = sum({q} * {q} for {q} in {I}[1:])
{p}, *_ = {I}
{p} = np.sum(np.array({I}))
{p} = {I}.pop();;{I}.append({p} * {e})
{p}, {q} = {P};;{q}[{i}] = {p} * {e}
{p}, _ = {P}
{p}, {q} = both({e}, 3)
{p} = {e};;while {p} < 2.0:;;    {p} = abs({p}) * 1.5 + 0.3;;    if {c}:;;        break;;else:;;    {p} = {p} * {f}
{p} = 0.5;;try:;;    {p} = math.log({e});;except ValueError:;;    {p} = {f}
try:;;    {p} = math.sqrt({e});;except (ValueError, ZeroDivisionError):;;    {p} = {f};;else:;;    {p} = {p} * 0.5
{p} = {B}.step({e}) + {B}.k
{p}, _ = {T}
"""

CONTAINERS = """
{I}.append({e})
{I}[0] = {e}
{I}[0] += {e}
{I}[-1] *= {e}
{I}.extend([{e}, {a}])
{I}.insert(0, {e})
{I} = {I} + [{e}]
{I} += [{e}]
{I} = [{q} + {e} for {q} in {I}]
{I} = [{q} for {q} in {I} if {q} < 5.0] + [{e}]
{I}.reverse()
for {p}, {q} in enumerate({I}):;;    {I}[{p}] = {q} * {a}
{I}[0], {I}[-1] = {I}[-1], {I}[0]
{R}.append({v})
{R}[0] = {v}
{R}[-1][{i}] {o} {e}
{R}[0] += {e}
for {q} in {R}:;;    {q}[{i}] *= {a}
{V}[:] = sum({R})
{V}[:] = {R}[0] + {R}[-1]
{R} = [{q} * {e} for {q} in {R}]
{M}[0] = {R}[0]
{V}[:] = np.mean({R}, axis=0)
{V}[:] = np.stack({R}).sum(0)
{D}["k"] {o} {e}
{D}["v"] {o} {v}
{D}["v"][{i}] {o} {e}
{D}["k"], {q} = {e}, {D}["k"]
for {p}, {q} in {D}.items():;;    {V}[0] += np.sum({q}) * 0.1
{D}.update(k={e})
{V}[1] = sum(np.sum({q}) for {q} in {D}.values())
if "k" in {D}:;;    {V}[0] = {e}
{P} = ({P}[0] * {e}, {v})
{P}[1][{i}] += {e}
{B}.k {o} {e}
{B}.u[{i}] {o} {e}
{B}.u {o} {v}
{B}.u[1:] {o} {v}[1:]
{B}.reset({v})
{B} = Body({e}, {B}.u)
{q} = {B};;{q}.k = {q}.k * {e};;{q}.u[{i}] {o} {f}
{B}.seen = [{e}]
{B}.seen[0] {o} {e}
for {q} in {B}.seen:;;    {V}[0] += {q} * 0.1
{B} = {B} + Body({e}, {v})
{C}.k {o} {e}
{C}.u = {v}
{C}.u[{i}] {o} {e}
{C}.scale = {e}
{p}, {q} = {T};;{q}[{i}] {o} {p}
{T} = {T}._replace(k={e})
{T}.u[{i}] {o} {e}
{E}["a"]["k"] {o} {e}
{E}["b"][0] {o} {v}
{E}["b"][0][{i}] {o} {e}
{E}["b"][1] = {e}
{E}["a"]["z"] = {e};;{V}[{i}] = sum({E}["a"].values())
{R}.append({V});;{V}[{i}] {o} {e}
{R}[0], {R}[-1] = {R}[-1], {R}[0]
{I}[-1], {V}[{i}] = {V}[{i}], {I}[-1]
"""

MADE = {
    "items": """
[{e}, {a}]
[{q} * {e} for {q} in {V}]
[{e}] * 2 + [{a}]
list({v})
""",
    "rows": """
[{v}, {V}]
[{q} * {e} for {q} in {M}]
[{V}.copy() for _ in range(2)]
list({M})
""",
    "table": """
{{"k": {e}, "v": {v}}}
dict(k={e}, v={v})
""",
    "pair": """
({e}, {v})
""",
    "body": """
Body({e}, {v})
Body({e}, {V})
Body({a}, {M}[{i}])
""",
    "setting": """
Setting({e}, {v})
Setting(k={e}, u={V}, scale=0.5)
""",
    "point": """
Point({e}, {v})
Point({a}, {V})
""",
    "nest": """
{{"a": {{"k": {e}}}, "b": [{v}, {e}]}}
{{"a": dict(k={e}), "b": [{V}, {a}]}}
""",
    "cells": """
[Cell({q}, {e}) for {q} in {V}]
[Cell({p}, w={q}) for {p}, {q} in zip({V}, {w})]
[Cell({e} + {q}) for {q} in range(4)]
[Cell({q} * {e}, {a}) for {q} in {V} if {q} > 0.3]
""",
    "knots": """
[Knot({q}, {e}) for {q} in {V}]
[Knot(k={q}) for {q} in {I}]
[Knot({e}, {a}), Knot({a})]
""",
    "maps": """
[{{"k": {q}, "w": {e}}} for {q} in {V}]
[dict(k={p}, w={q} * {e}) for {p}, {q} in enumerate({V}, 1)]
[{{"k": {e}, "w": {a}}}]
""",
    "pairs": """
[Pair({q}, {e}) for {q} in {V}]
[Pair(k={p}, w={q}) for {p}, {q} in zip({V}, {w})]
[Pair({e}, {a}), Pair({a}, {f})]
""",
    "named": """
{{"one": {e}, "two": {a}}}
dict(one={e}, two={f})
dict(zip(("one", "two"), ({e}, {f})))
{{{q}: {e} for {q} in ("one", "two")}}
""",
    "function": """
lambda {u}: {u} * 0.5 + {e}
lambda {u}, k=2.0: np.sin({u}) * k
""",
}

FUNCTIONS = """
if {u} > 0.6:;;    return {u} * {e};;return {f} + np.tanh({u})
{V}[{i}] {o} {u} * 0.3;;return {V}[0] * 0.5
s = 0.0;;for q in {V}:;;    s += q * {u};;    if s > 2.0:;;        break;;else:;;    s = s * 0.5;;return s
{I}.append({u});;return {I}[0] * 0.5 + len({I}) * {u}
{D}["k"] += {u};;return {D}["k"] * {e}
{B}.k = {B}.k * {u};;{B}.u[{i}] {o} {u};;return {B}.energy()
def inner(q):;;    if q > 2.0:;;        return q;;    return inner(q * q + 0.8) * {u};;return inner(0.5 * np.tanh({u}))
"""

# Loops: `{l}` is bound to a place, `{p}` and `{q}` to numbers, `{z}` to a vector; `{n}` is an int that the caller gives.
LOOPS = """
for {l} in range(2):
for {l} in range(3):
for {l} in range(len({V})):
for {l} in range({M}.shape[1]):
for {l} in range(1, 4):
for {l} in range(3, 0, -1):
for {l} in range(3, -1, -2):
for {l} in range(0):
for {l} in range(0, 4, {n}):
for {l} in range(3, -1, -{n}):
for {l} in reversed(range(3)):
for {l} in (0, 2, 1):
for {l} in [1, 3]:
for {q} in {V}:
for {q} in {V}[1:]:
for {q} in reversed({V}):
for {q} in {M}[0]:
for {q} in ({e}, {f}):
for {z} in {M}:
for {z} in {M}.T:
for {z} in {M}[1:]:
for {l}, {q} in enumerate({V}):
for {l}, {z} in enumerate({M}):
for {p}, {q} in zip({V}, {W}):
for {p}, {q} in zip({V}, {W}[1:]):
for {l}, ({p}, {z}) in enumerate(zip({V}, {M})):
for {q} in {I}:
for {q} in reversed({I}):
for {q} in {I}[1:]:
for {p}, {q} in zip({I}, {V}):
for {z} in {R}:
for {q} in {L}:
for {p}, {q} in zip({L}, {V}):
"""
