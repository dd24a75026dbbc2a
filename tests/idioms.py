"""The longer statements of random programs, by what they are about: tables of forms with the blanks of `forms.py`.

`{s}` is a fresh name for a number that may be read afterwards.  A line of `RECORDS` is about a list of records of unknown
length: objects (`S`), of a dataclass (`K`), dicts (`Q`).
"""

from __future__ import annotations

_RECORDS = """
for {q} in {S}:;;    {q}.k {o} {e}
for {q} in {S}:;;    {q}.k += 0.3 * {q}.w;;    if {q}.k > {k}:;;        break;;    {q}.w {o} {a};;else:;;    {N} = {f}
for {p}, {q} in zip({S}, {V}):;;    {p}.k {o} {q}
for {p}, {q} in enumerate({S}):;;    {q}.w {o} {e} * {p}
for {p} in {S}:;;    if {p}.w > {k}:;;        continue;;    {V}[{i}] {o} {p}.k * {e}
{S}[{i}].k {o} {e}
{S}[-1].w = {S}[0].k * {e}
{V}[{i}] {o} sum({q}.k * {q}.w for {q} in {S})
{V}[:] = np.array([{q}.k for {q} in {S}])[:1] * {v}
{p} = max({S}, key=lambda {q}: {q}.k);;{p}.w {o} {e}
{p} = {S}[0];;for {q} in {S}:;;    if {q}.k > {p}.k:;;        {p} = {q};;{p}.w {o} {e}
{S}.sort(key=lambda {q}: {q}.k)
{S} = sorted({S}, key=lambda {q}: -{q}.w)
{p} = [{q} for {q} in {S} if {q}.k > {k}];;for {q} in {p}:;;    {q}.w {o} {e}
{p} = {S}.pop();;{V}[0] += {p}.k
{S} = [{q} for {q} in {S} if {q}.k < 2.0]
for {p} in {S}:;;    for {q} in {S}:;;        if {p} is not {q}:;;            {p}.w += 0.1 * {q}.k
for {p}, {q} in zip({S}, {S}[1:]):;;    {q}.k += {p}.w * {e}
{p} = {S}[0] if {c} else {S}[-1];;{p}.k {o} {e}
{S}[0], {S}[-1] = {S}[-1], {S}[0]
{S}[0].k, {S}[-1].w = {S}[-1].w, {S}[0].k
if {c}:;;    {S}[0].k {o} {e}
if any({q}.k > {k} for {q} in {S}):;;    {N} = {e}
{s} = next(({q}.k for {q} in {S} if {q}.w > {k}), {e})
{s} = {S}[0].k + len({S}) * {e}
"""

IDIOMS = {
    "objects": _RECORDS
    + """
{S}.append(Cell({e}, {a}))
for {q} in {S}:;;    {q}.grow({e})
{S}[{i}].grow({e})
{s} = sum({q}.grow({a}) for {q} in {S})
for {p} in range(len({S})):;;    {S}[{p}].grow({e})
{S}[{i}] = Cell({e}, {a})
if {c}:;;    {S}.append(Cell({e}, {a}))
{p} = [({q}, {q}.k) for {q} in {S}];;for {q}, {t} in {p}:;;    {q}.w {o} {t}
for {p} in range(2):;;    {S}.append(Cell({e}, {p} * {a}))
{p} = {S}[0];;{S}.append(Cell({p}.k, {e}));;{p}.w {o} {f}
{s} = warmest({S}).w * {e}
warmest({S}).k {o} {e}
""",
    "dataclasses": _RECORDS.replace("{S}", "{K}")
    + """
{K}.append(Knot({e}, {a}))
for {q} in {K}:;;    {q}.grow({e})
{K}[{i}] = Knot(k={e})
if {c}:;;    {K}.append(Knot({e}, w={a}))
{s} = warmest({K}).w * {e}
""",
    "dicts": _RECORDS.replace("{S}", "{Q}").replace(".k", '["k"]').replace(".w", '["w"]')
    + """
{Q}.append({{"k": {e}, "w": {a}}})
{Q}[{i}].update(k={e})
for {p} in {Q}:;;    for {q} in {p}:;;        {p}[{q}] *= {e}
{Q} = [{{**{q}, "w": {e}}} for {q} in {Q}]
if {c}:;;    {Q}.append(dict(k={e}, w={a}))
""",
    "tuples": """
{Y}.append(Pair({e}, {a}))
{Y}[{i}] = {Y}[{i}]._replace(k={e})
{Y}[-1] = Pair({Y}[0].w, {e})
{Y} = [{q}._replace(w={q}.w * {e}) for {q} in {Y}]
{Y} = [Pair({q}, {p} * {e}) for {p}, {q} in {Y}]
for {p}, {q} in {Y}:;;    {V}[{i}] {o} {p} * {q}
for {t}, ({p}, {q}) in enumerate({Y}):;;    {Y}[{t}] = Pair({p} * {e}, {q})
{s} = sum({q}.k for {q} in {Y}) * {e}
{s} = max({q}.w for {q} in {Y}) - {Y}[0].k
{p}, {q} = {Y}[{i}];;{N} = {p} * {q}
{Y}.sort(key=lambda {q}: {q}.w)
{p} = {Y}.pop();;{V}[0] += {p}.k
{Y}.reverse()
if {c}:;;    {Y}.append(Pair(k={e}, w={f}))
{s} = warmest({Y}).w * {e}
match {Y}[0]:;;    case Pair({p}, w) if {p} > w:;;        {V}[0] {o} {p};;    case Pair(w={q}):;;        {N} = {q}
""",
    "contexts": """
with Scaled({V}, {e}):;;    {V}[{i}] {o} {f}
with Scaled({V}, {e}) as {p}:;;    {V}[0] {o} {p}.k;;    {p}.k *= {f}
with scaled({V}, {e}):;;    {V}[{i}] {o} {f}
with scaled({V}, {e}) as {q}:;;    {V}[{i}] += {q}
with scaled({M}[{i}], {e}) as {q}, Scaled({V}, {f}):;;    {V}[{j}] *= {q}
for {l} in range(3):;;    with Scaled({V}, {e}):;;        if {a} > 0.6:;;            continue;;        {V}[{l}] {o} {f}
for {l} in range(3):;;    with scaled({V}, {e}):;;        {V}[{l}] {o} {f};;        if {a} > 0.6:;;            break
with Scaled({V}, {e}):;;    if {c}:;;        {V}[0] {o} {f};;    else:;;        {V}[1] {o} {g}
{s} = guarded({V}, {e})
{s} = guarded({v} * 1.0, {e})
with announced("inner"):;;    {V}[{i}] {o} {e}
for {q} in {V}:;;    with announced("trip") as {p}:;;        {N} += {q} * {p};;        if {N} > 2.0:;;            break
""",
    "enumerations": """
{t} = Mode.SOFT if {c} else Mode.HARD;;if {t} is Mode.SOFT:;;    {V}[{i}] {o} {e};;else:;;    {N} = {f}
{t} = Mode.SOFT;;if {c}:;;    {t} = Mode.HARD;;match {t}:;;    case Mode.SOFT:;;        {V}[{i}] {o} {e};;    case Mode.HARD:;;        {N} = {f}
{t} = Mode.SOFT;;for {q} in {V}:;;    match {t}:;;        case Mode.SOFT:;;            {N} += {q};;            if {q} > {k}:;;                {t} = Mode.HARD;;        case _:;;            {N} *= {e};;            {t} = Mode.SOFT
{s} = respond({e}, Mode.HARD) + respond({f}, Mode.SOFT)
{s} = respond({e}, Mode.SOFT if {c} else Mode.HARD)
for {t} in Mode:;;    {V}[{i}] += {t}.value * {e}
for {t} in (Mode.SOFT, Mode.HARD, Mode.SOFT):;;    {V}[{i}] += respond({e}, {t})
{t} = {{Mode.SOFT: {e}, Mode.HARD: {f}}};;{t}[Mode.SOFT] {o} {a};;{s} = {t}[Mode.SOFT] * {t}[Mode.HARD]
{t}, {p} = Mode.HARD, 0;;while {t} is not Mode.SOFT and {p} < 3:;;    {p} += 1;;    {N} = {N} * 0.5 + {e};;    if {N} < 1.0:;;        {t} = Mode.SOFT
""",
    "chosen": """
{t} = {B} if {c} else Body({e}, {v});;{t}.k {o} {f};;{t}.u[{i}] {o} {g}
{t} = {B} if {c} else Body({e}, {v});;kick({t}, {f});;{s} = {t}.energy()
{t} = {C} if {c} else Setting({e}, {v});;{t}.k {o} {f};;{s} = {t}.k * {C}.k
{t} = {I} if {c} else [{e}, {f}];;{t}[0] {o} {g};;{s} = sum({t})
{t} = {I} if {c} else [{e}, {f}];;{t}.append({g});;{s} = {t}[-1] * len({t})
{p} = [{e}, {f}];;{q} = [{g}];;{t} = {p} if {c} else {q};;{t}.append({a});;{s} = sum({p}) - sum({q}) * {t}[0]
{p} = {v} * 1.0;;{q} = {w} * 1.0;;{t} = {p} if {c} else {q};;{t}[{i}] {o} {e};;{V}[:] = {p} - {q}
{p} = {v} * 1.0;;if {c}:;;    {t} = {p};;else:;;    {t} = {V};;{t} *= {e};;{s} = {p} @ {V}
{t} = {D} if {c} else {{"k": {e}, "v": {v}}};;{t}["k"] {o} {f};;{s} = {t}["k"]
{t} = {R}[0] if {c} else {R}[-1];;{t}[{i}] {o} {e}
for {l} in range(3):;;    {t} = {V} if {l} % 2 else {W};;    {t}[{l}] {o} {e}
for {t} in ({V}, {W}):;;    {t}[{i}] {o} {e}
for {q} in range(2):;;    {t} = {B} if {a} > {k} else Body({e}, {v});;    {t}.k *= 0.7;;    {V}[{q}] += {t}.k
{t} = [{V}, {W}][{i} % 2];;{t}[0] {o} {e}
""",
    "iterators": """
{t} = iter({V});;{s} = next({t}) * {e};;for {q} in {t}:;;    {s} += {q}
{t} = iter({I});;{s} = next({t}) + next({t}, {e})
{t} = iter({V});;{s} = 0.0;;for {p}, {q} in zip({I}, {t}):;;    {s} += {p} * {q}
{s} = sum(itertools.takewhile(lambda {q}: {q} < 0.9, {V})) + {e}
{t} = {e};;{s} = 0.0;;for {q} in itertools.takewhile(lambda {p}: {p} < {t}, {V}):;;    {s} += {q}
{s} = {e};;for {q} in itertools.dropwhile(lambda {p}: {p} < {k}, {V}):;;    {s} += {q} * {s}
for {q} in itertools.islice({V}, 1, 3):;;    {N} += {q} * {e}
{s} = sum(itertools.islice({I}, 2)) * {e}
for {p}, {q} in zip({V}, itertools.cycle([{e}, {f}])):;;    {N} += {p} * {q}
{t} = itertools.cycle(({e}, {f}));;for {l} in range(3):;;    {V}[{l}] {o} next({t})
{s} = max(itertools.accumulate({V})) * {e}
{s} = 0.0;;for {l}, {q} in enumerate(itertools.accumulate({I}, lambda {p}, {t}: {p} * {t} + {e})):;;    {s} += {q} * {l}
for {q} in itertools.chain({I}, [{e}, {f}]):;;    {N} += {q}
{s} = sum({p} * {q} for {p}, {q} in itertools.pairwise({V}))
{s} = sum({p} * {q} for {p}, {q} in itertools.combinations({I}, 2))
for {p}, {q} in itertools.product(({e}, {f}), {V}):;;    {N} += {p} * {q}
{s} = next(({q} for {q} in {V} if {q} > {k}), {e})
{s} = next({q} * {f} for {q} in ({e}, {a}))
{s} = sum(map(lambda {p}, {q}: {p} * {q}, {I}, {V}))
{s} = sum(filter(lambda {q}: {q} > {k}, {V})) + {e}
for {l}, {q} in zip(itertools.count(1), {V}):;;    {N} += {l} * {q}
{s} = sum(itertools.starmap(lambda {p}, {q}: {p} - {q}, zip({V}, {W}))) * {e}
{t} = iter(list(enumerate({V})));;{l}, {s} = next({t});;for {l}, {q} in {t}:;;    {s} += {l} * {q}
{s} = sum({p} * {q} for {p}, {q} in zip({V}, itertools.repeat({e})))
""",
    "sums": """
{s} = sum({I}, {e})
{s} = sum([{e}, 1, {a}, True])
{s} = sum(({e}, np.float64({f})), start={g})
{V}[:] = sum([{v}, {w}, {e}])
{V}[:] = sum(({e}, {v}), {w})
{V}[:] = sum({R}, np.zeros(4))
{V}[:] = sum([{q} * {e} for {q} in {M}], start={w})
{p} = sum([[{e}, {f}], [{g}]], []);;{s} = {p}[0] * {p}[-1]
{p} = sum(([{q}] for {q} in {I}), [{e}]);;{s} = sum({p})
{s} = sum(1 for {q} in {V} if {q} > {k}) * {e}
{s} = sum({q} > {k} for {q} in {V}) * {e}
{s} = sum([{q} if {q} > {k} else 0 for {q} in {I}])
{s} = math.fsum({I}) * {e}
{s} = math.prod({I}, start={e})
""",
    "generators": """
def {t}():;;    for q in {V}:;;        yield q * {e};;    yield {f};;{s} = sum({t}())
def {t}(n):;;    u = {e};;    for _ in range(n):;;        yield u;;        u = np.sin(u) + 0.3;;{s} = 0.0;;for {q} in {t}(3):;;    {s} += {q}
def {t}(us):;;    for u in us:;;        if u > {k}:;;            yield u * {e};;{p} = list({t}({V}));;{s} = sum({p}) + len({p})
for {l}, {q} in enumerate(pieces({V}, {e})):;;    {N} += {q} * {l}
{V}[:] = np.array(list(pieces({v}, {e})))[:1] * {w}
{s} = max(pieces({V}, {e}))
{s} = sum({q} * {q} for {q} in pieces({v}, {e}) if {q} > {k})
{p}, {q} = ends({v});;{N} = {p} * {q}
for {p}, {q} in zip(pieces({v}, {e}), {I}):;;    {N} += {p} * {q}
{s} = sum(({q} * {e} for {q} in {I}), {f})
{p} = ({q} * {e} for {q} in {V});;{s} = sum({p})
{s} = total([*pieces({v}, {e})])
""",
    "None": """
{s} = damped({e})
{s} = damped({e}, {f})
{s} = damped({e}, floor={f}) * damped({a}, None, {g})
{t} = None;;for {q} in {V}:;;    if {t} is None or {q} > {t}:;;        {t} = {q};;{s} = {t} * {e}
{t} = None;;if {c}:;;    {t} = {e};;{s} = {f} if {t} is None else {t} * {g}
{t} = {e} if {c} else None;;if {t} is not None:;;    {V}[{i}] {o} {t}
{t} = None;;for {q} in {V}:;;    if {t} is not None:;;        {N} += {q} * {t};;    {t} = {q}
{t} = None;;for {l}, {q} in enumerate({V}):;;    if {q} > {k}:;;        {t} = {l};;        break;;if {t} is not None:;;    {V}[{t}] {o} {e}
def {t}(u, out=None):;;    if out is None:;;        out = [];;    out.append(u * {e});;    return out;;{p} = {t}({f});;{t}({g}, {p});;{s} = {p}[-1] * len({p})
{s} = found({v}, {e}) or {f}
{t} = found({v}, {e});;if {t} is None:;;    {t} = {f};;{s} = {t} * {g}
{s} = {D}.get("k") * {e}
{t} = {D}.get("none");;{s} = {e} if {t} is None else {t}
""",
    "recursion": """
{p} = unroll({e}, 2);;{s} = sum({p}) * {p}[0]
{p}, {q} = walk({v}, 0);;{N} = {p};;{V}[:] = {q}
{s}, _ = walk({v}, 1)
def {t}(u, n):;;    if n == 0:;;        return [u];;    return [u * 0.5, *{t}(np.sin(u) * {e}, n - 1)];;{p} = {t}({f}, 3);;{s} = sum({p})
def {t}(n):;;    return {e} if n <= 0 else {t}(n - 1) * 0.5 + {t}(n - 2);;{s} = {t}(3)
def {t}(k):;;    if k >= len({V}):;;        return 0.0, 1.0;;    p, q = {t}(k + 1);;    return p + {V}[k], q * {e};;{p}, {s} = {t}(0)
{s} = depth([{e}, [{f}, [{g}]], {a}])
fill({V}, 0, 3, {e})
fill({M}[{i}], 0, 4, {e})
""",
    "nonlocal": """
{s} = {e};;def {t}(u):;;    nonlocal {s};;    {s} = {s} * u + {f};;    return {s};;{t}({g});;{V}[{i}] {o} {t}({a})
{s} = 0.0;;def {t}(u):;;    nonlocal {s};;    if u > {k}:;;        {s} += u * {e};;for {q} in {V}:;;    {t}({q})
{s} = {e};;def {t}():;;    nonlocal {s};;    {s} = np.sin({s}) + 0.2;;for {q} in range(2):;;    {t}()
def {t}(start):;;    total = start;;    def add(u):;;        nonlocal total;;        total += u;;        return total;;    return add;;{p} = {t}({e});;{p}({f});;{s} = {p}({g})
{s} = {e};;{p} = {f};;def {t}():;;    nonlocal {s}, {p};;    {s}, {p} = {p}, {s} * 0.5;;{t}();;if {c}:;;    {t}()
{s} = {e};;def {t}(n):;;    nonlocal {s};;    if n > 0:;;        {s} = {s} * 0.5 + {f};;        {t}(n - 1);;{t}(2)
""",
    "closures": """
{t} = [lambda u, k={q}: u * k for {q} in ({e}, {f})];;{s} = sum(fn({g}) for fn in {t})
for {l} in range(3):;;    def {t}(u):;;        return u * {e} + {l};;    {V}[{l}] {o} {t}({a})
for {q} in {V}:;;    {t} = lambda u: u * {q};;    {N} += {t}({e})
{t} = [];;for {l} in range(2):;;    {t}.append(lambda u, l={l}: u * {e} + l);;{s} = {t}[0]({f}) * {t}[1]({g})
{t} = lambda u: u * {N};;{N} = {N} * 0.5;;{s} = {t}({e})
def {t}(k):;;    return lambda u: u * k + {e};;{s} = {t}({f})({g})
{t} = {{"p": lambda u: u * {e}, "q": np.sin}};;{s} = {t}["p"]({f}) + {t}["q"]({g})
{t} = np.sin if {c} else np.tanh;;{s} = {t}({e})
{t} = Gain({e});;{s} = {t}({f}) + {t}({g});;{t}.k *= 0.5;;{N} = {t}({a})
{t} = functools.partial(smooth, {e});;{s} = {t}(k={f}) * {t}()
{s} = functools.reduce(lambda {p}, {q}: {p} * 0.5 + {q}, {I}, {e})
""",
    "tries": """
for {q} in {V}:;;    try:;;        {p} = math.sqrt({q} - 0.5);;    except ValueError:;;        {N} += {e};;        continue;;    {N} += {p} * {q}
for {q} in {V}:;;    try:;;        if {q} > 0.8:;;            raise ValueError("large");;        {p} = {q} * {e};;    except ValueError:;;        {p} = {f};;    finally:;;        {N} = {N} * 0.9;;    {N} += {p}
for {q} in {V}:;;    try:;;        if {q} > 0.8:;;            continue;;        {N} += {q} * {e};;    finally:;;        {N} = {N} * 0.9
for {q} in {V}:;;    try:;;        if {q} > 0.8:;;            break;;        {N} += {q} * {e};;    finally:;;        {V}[0] {o} {f}
{p} = 0;;while {p} < 3:;;    {p} += 1;;    try:;;        {q} = math.log({V}[{p}] - 0.4);;    except ValueError as error:;;        print("no", {p});;        continue;;    else:;;        {N} += {q};;    finally:;;        {N} *= 0.8
{s} = careful({e}, {f})
{s} = careful({e} - 2.0, {f})
try:;;    {s} = {I}[7];;except IndexError:;;    {s} = {e}
try:;;    {s} = {D}["none"];;except KeyError:;;    {s} = {e}
{s} = {e};;for {l} in range(3):;;    try:;;        {s} = {s} / ({l} % 2);;    except ZeroDivisionError:;;        {s} = {f}
try:;;    {s} = 1.0;;    for {q} in {V}:;;        if {q} > 0.9:;;            raise Stop("far");;        {s} *= {q};;except Stop:;;    {s} = {s} * {e}
""",
    "views": """
{M}.T[1:][:, ::2] {o} {e}
{M}.T[1:][{j} // 2, ::2] {o} {e}
{M}.reshape(-1)[[1, 5, 1]] += {e}
{M}.reshape(-1)[[1, 5, 1]] *= {e}
{M}.ravel()[np.array([2, 2, 7])] -= ({v})[1:]
{M}[1:].T[::-1][{i}] {o} {e}
{M}.reshape(4, 2, 2)[:, 0][..., 1] {o} {v}
{M}.reshape(2, 2, 4).swapaxes(0, 1)[{j} // 2, 1] {o} {v}
np.add.at({M}.T, ([0, 1, 0], [1, 1, 1]), {e})
np.add.at({M}[:, {i}], [0, 0, 2], {e})
np.add.at({M}, [0, 0, 3], {x})
np.add({M}[{i}], {v}, out={M}[:, {j}])
np.multiply({M}, {e}, out={M}, where={M} > 0.3)
np.sqrt({V} ** 2 + 0.1, out={V}[:])
{M}[:, {V} > 0.4] {o} {e}
{M}.T[{V} > 0.4] {o} {x}
{M}[1:][{V}[1:] > 0.4, ::2] {o} {e}
{M}[:, [0, 1]] = {M}[:, [1, 0]]
{V}[1:], {V}[:-1] = {V}[:-1].copy(), {V}[1:].copy()
{V}[0], {V}[1], {V}[2] = {V}[2], {V}[0], {V}[1]
{V}[:2], {V}[2:] = {V}[2:].copy(), {V}[:2].copy()
{M}[0], {M}[1:3] = {M}[1].copy(), {e}
{t} = {M}.T;;{p} = {t}[1:];;{q} = {p}[:, ::-1];;{q}[0] {o} {x};;{p}[1, 2] *= {a};;{t}[0] += {e}
{t} = {V}[::-1];;{p} = {t}[1:];;{p}[::2] {o} {e};;{V}[0] += {p}[0] * {t}[-1]
{t} = {M}[{i}];;{M}[{j}] = {t} * {e};;{t} {o} {f}
{t} = {V}[1:3];;for {l} in range(2):;;    {t}[{l}] {o} {e};;    {V}[{l}] += {t}[0]
{t} = np.zeros((4, 2));;{t}[:, 0] = {v};;{t}[:, 1] += {e};;{t}.T[1][1:] *= {a};;{V}[:] = {t}.sum(axis=1)
{t} = np.empty(4);;for {l} in range(4):;;    {t}[{l}] = {e} + {l};;{V} *= {t}
{t} = {V}.copy();;{t}[{t} > {k}] = 0.0;;{V} += {t} * {e}
{t} = {V} > 0.5;;{V}[{t}] {o} {e};;{V}[~{t}] *= {f}
{t} = np.argsort({V});;{V}[:] = {V}[{t}] * {e}
{t} = np.argmax({V});;{V}[{t}] {o} {e}
{t} = np.nonzero({V} > 0.4)[0];;{V}[{t}] {o} {e}
{M}[np.arange(4), [0, 1, 1, 3]] {o} {x}
{M}[np.ix_([0, 2], [1, 3])] {o} {e}
np.fill_diagonal({M}, {e})
{M}[np.diag_indices(4)] {o} {v}
""",
    "dictionaries": """
for {q} in {A}:;;    {A}[{q}] {o} {e}
for {p}, {q} in {A}.items():;;    {A}[{p}] = {q} * {e}
for {p} in list({A}):;;    {A}[{p}] += {e}
for {p} in sorted({A}):;;    {N} = {N} * 0.5 + {A}[{p}]
{A} = {{{p}: {q} * {e} for {p}, {q} in {A}.items()}}
{A}["one"] {o} {e}
{A}["one"], {A}["two"] = {A}["two"], {A}["one"] * {e}
{A}["three"] = {e};;{s} = sum({A}.values());;del {A}["three"]
{A}.setdefault("one", {e})
{A}.update(one={e}, two={f})
{A} = {{**{A}, "one": {e}}}
{A} = {A} | {{"two": {e}}}
{s} = max({A}.values()) * {e}
{s} = {A}[max({A}, key={A}.get)]
{t} = "one" if {c} else "two";;{A}[{t}] {o} {e};;{s} = {A}[{t}]
{t} = {{}};;for {l} in range(4):;;    {t}[{l}] = {V}[{l}] * {e};;{s} = {t}[0] + {t}[3]
{t} = {{}};;for {l}, {q} in enumerate({V}):;;    {t}[{l} % 2] = {t}.get({l} % 2, 0.0) + {q} * {e};;{s} = {t}[0] * {t}[1]
{t} = {{0: {e}}};;for {l} in range(3):;;    if {l} not in {t}:;;        {t}[{l}] = {t}[{l} - 1] * {f};;{s} = sum({t}.values())
{t} = {{{l}: {q} for {l}, {q} in enumerate({V})}};;for {l} in {t}:;;    {t}[{l}] {o} {e};;{s} = sum({t}.values())
for {p}, {q} in zip(("one", "two"), {I}):;;    {A}[{p}] {o} {q}
{t} = dict({A});;{t}["one"] {o} {e};;{s} = {t}["one"] - {A}["one"]
{t} = {{"in": {A}, "v": {v}}};;{t}["in"]["two"] {o} {e};;{t}["v"][{i}] {o} {f};;{s} = np.sum({t}["v"])
""",
    "prints": """
print("at", {i}, f"{{{N}:.3f}}")
print(f"{{{N}:.4f}} {{{N}:>9.2f}}", end=";")
for {l}, {q} in enumerate({V}):;;    print({l}, f"{{{q}:.3f}}");;    if {q} > {k}:;;        break
{s} = shout({e}) + shout({f})
{s} = {e} if {a} > {k} and shout({f}) > 0.5 else {g}
{s} = shout({e}) if {c} else shout({f}) * 2.0
for {q} in {V}:;;    {N} += shout({q}) * {e}
{p} = [shout({q}) for {q} in ({e}, {f})];;{s} = {p}[1]
if 0.2 < shout({e}) < 1.0:;;    {V}[0] {o} {f}
{V}[{i}] {o} shout({e})
{s} = max(shout({e}), shout({f}), {g})
{t} = f"{{{i}}}-{{len({V})}}";;print({t}, sep="");;{s} = {e}
if any(shout({q}) > {k} for {q} in {V}):;;    {N} = {e}
{t} = all(shout({q}) > {k} for {q} in ({e}, {a}, {f}));;{s} = {t} * {g}
""",
    "walruses": """
while ({p} := {N} * 0.5) > 0.2:;;    {N} = {p} * 0.9;;    if {p} > 40.0:;;        break
if ({s} := {e}) > {k}:;;    {V}[{i}] {o} {s}
{p} = [({t} := {q} * {e}) for {q} in {V}];;{s} = {t} + {p}[0]
{s} = ({p} := {e}) * {p} + ({q} := {p} * 0.5) * {q}
if any(({t} := {q}) > 0.5 for {q} in {V}):;;    {N} = {t} * {e}
{s} = {e};;while ({s} := np.sin({s}) * 0.7) > 0.3:;;    {N} = {N} * 0.5 + {s}
{V}[({l} := 1)] {o} {e};;{V}[{l}] *= {f}
{s} = ({p} if ({p} := {e}) > {k} else {f}) * 2.0
""",
    "chains": """
if {k} < {e} < {f}:;;    {V}[{i}] {o} {g}
if {e} < {f} < {g} or {a} > 0.7:;;    {N} = {e}
{s} = {e} if -0.5 < {f} <= {a} < 2.0 else {g}
while 0.3 < {N} < 30.0:;;    {N} = {N} * 0.6;;    {V}[0] += {N}
{s} = ({e} < {f}) * {g} + ({a} > {k}) * {f}
{V}[(0.3 < {V}) & ({V} < 0.9)] {o} {e}
if not ({e} > {k} and ({f} < {a} or {g} > 0.2)):;;    {N} = {f}
""",
    "elses": """
for {q} in {V}:;;    if {q} > {e}:;;        {N} = {q};;        break;;else:;;    {N} = {f}
for {p} in {V}:;;    for {q} in {I}:;;        if {p} * {q} > 0.8:;;            break;;    else:;;        {N} += {p};;        continue;;    break
{p} = 0;;while {p} < 3:;;    if {V}[{p}] > {e}:;;        {N} {o} {f};;        break;;    {p} += 1;;else:;;    {N} = {g}
for {l} in range(3):;;    if {a} > 0.9:;;        continue;;    {V}[{l}] {o} {e};;else:;;    {V}[3] {o} {f}
{s} = settled({e}, {f})
for {p} in {M}:;;    for {q} in {p}:;;        if {q} > 0.7:;;            break;;        {N} += {q};;    else:;;        {p}[0] {o} {e}
""",
    "stars": """
def {t}(*us, k=1.0):;;    s = 0.0;;    for u in us:;;        s += u * k;;    return s;;{s} = {t}({e}, {f}) + {t}(*[{e}, {a}], k={g})
def {t}(u, *us, **named):;;    return u * named.get("k", 0.5) + sum(us);;{s} = {t}({e}, {f}, {g}, k={a}) + {t}({e})
{s} = spread(*{P}, k={e})
{s} = spread({e}, *[{v}])
{s} = spread(**{{"u": {e}, "v": {v}}})
{p}, *{q} = {I};;{s} = {p} * len({q}) + sum({q})
{p}, *_, {q} = {V};;{s} = {p} * {q}
*{p}, {q} = ({e}, {f}, {g});;{s} = sum({p}) * {q}
{t} = [*{I}, {e}];;{t}[0] {o} {f};;{s} = {t}[0] - {I}[0]
{t} = (*{P}, {e});;{s} = {t}[0] * {t}[-1]
({p}, {q}), {t} = ({e}, {f}), {g};;{s} = {p} * {q} - {t}
for {p}, *{q} in [({e}, {f}, {g}), ({a}, {g}, {e})]:;;    {N} += {p} * {q}[0] - {q}[1]
""",
    "classes": """
{t} = Double({e}, {v});;{s} = {t}.energy() + {t}.step({f})
{t} = Double.unit({e});;{t}.half = {f};;{s} = {t}.half * {t}.k
{t} = Double({e}, {v});;{t}[{i}] = {f};;{s} = {t}[{j}] + len({t})
{t} = Double({e}, {v});;for {q} in {t}:;;    {N} += {q}
{t} = Double({e}, {v});;{t} += {f};;{s} = {t}.k * {a}
{t} = Double({e}, {v});;{p} = Double({f}, {w});;if {t} < {p}:;;    {N} = {p}.k;;{s} = ({t} + {p}).energy()
{t} = [Double({e}, {v}), Body({f}, {w})];;{s} = sum({q}.energy() for {q} in {t})
{t} = [Double({e}, {v}), Body({f}, {w})];;for {q} in {t}:;;    {q}.step({g});;{s} = {t}[0].k * {t}[1].k
{t} = Double({e}, {V});;{t}.peer = {B};;{t}.peer.k {o} {f};;{s} = {B}.k
""",
    "queues": """
{t} = deque([{e}, {f}]);;{t}.append({g});;{s} = {t}.popleft() * {t}[-1]
{t} = deque([{e}, {f}], maxlen=2);;for {q} in {V}:;;    {t}.append({q} * {t}[0]);;{s} = sum({t})
{t} = deque([{e}, {f}, {a}]);;{t}.rotate(1);;{s} = {t}[0] * {e} + {t}[-1]
{t} = [{e}];;while {t}:;;    {q} = {t}.pop();;    {N} += {q};;    if {q} > 0.4 and len({t}) < 4:;;        {t}.append({q} * 0.4);;        {t}.append({q} * 0.3)
{t} = deque([{e}]);;{p} = 0;;while {t} and {p} < 5:;;    {q} = {t}.popleft();;    {p} += 1;;    {N} += {q} * {p};;    {t}.append({q} * 0.5)
{t} = [{e}, {f}, {g}];;{t}[1:2] = [{a}, {f}];;del {t}[0];;{s} = sum({t}) * {t}[1]
{t} = sorted({I});;{s} = {t}[0] - {t}[-1] * {e}
{t} = {I}[::-1];;{t}[0] {o} {e};;{s} = {t}[0] + {I}[-1]
{t} = [[{e}, {f}], [{g}]];;{t}[0].append({a});;{t}[1][0] {o} {e};;{s} = sum(sum({q}) for {q} in {t})
{t} = [[0.0] * 3 for _ in range(2)];;for {l} in range(3):;;    {t}[1][{l}] += {e} * {l};;    {t}[0][{l}] = {t}[1][{l}] * {f};;{s} = {t}[0][2] + {t}[1][1]
{t} = [];;for {q} in {V}:;;    if {q} > 0.5:;;        {t}.append({q} * {e});;    elif {t}:;;        {t}[-1] {o} {f};;{s} = sum({t}) + len({t})
""",
}
