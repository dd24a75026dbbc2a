"""What types given for array parameters promise, as checks for the entry of emitted code.

U: float64[I, N], B: float64[I]    gives    U.dtype == "float64" and U.ndim == 2
                                            B.dtype == "float64" and B.ndim == 1 and B.shape[0] == U.shape[0]
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from adtransform.infer.extents import multiple
from adtransform.ir import Assume, Param
from adtransform.lattice import Array, Dim, show


def contracts(params: Iterable[Param]) -> Iterator[Assume]:
    """One check for each array parameter of which anything is promised."""
    extents: dict[str, str] = {}
    waiting: dict[str, list[str]] = {}  # the axes that are a multiple of one not met yet
    for p in params:
        if not isinstance(p.type, Array):
            continue
        tests: list[str] = []
        if p.type.dtype is not None:
            tests.append(f'{p.name}.dtype == "{p.type.dtype}"')
        if p.type.dims is not None and not _assumed(p):
            tests.append(f"{p.name}.ndim == {len(p.type.dims)}")
            for axis, extent in enumerate(p.type.dims):
                here = f"{p.name}.shape[{axis}]"
                if isinstance(extent, int):
                    tests.append(f"{here} == {extent}")
                    continue
                number, base = multiple(extent)
                if number > 1 and base not in extents:
                    waiting.setdefault(base, []).append(f"{here} == {number} * ")
                elif number > 1:
                    tests.append(f"{here} == {number} * {extents[base]}")
                elif extents.setdefault(extent.name, here) != here:
                    tests.append(f"{here} == {extents[extent.name]}")
                else:
                    tests += [f"{test}{here}" for test in waiting.pop(extent.name, ())]
        if tests:
            yield Assume(" and ".join(tests), f"{p.name} must be {show(p.type)}")


def _assumed(p: Param) -> bool:
    """Whether its rank was not given: an assumption was made while reading, and has a check of its own."""
    dims = (p.type.dims if isinstance(p.type, Array) else None) or ()
    return bool(dims) and all(isinstance(d, Dim) and d.name.startswith(f"{p.name}.") for d in dims)
