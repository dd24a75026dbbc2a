"""What a row of the inference tables is."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from adtransform.ir import Atom
from adtransform.lattice import Type

Types = tuple[Type, ...]
Named = Mapping[str, Type]
Args = tuple[Atom, ...]
Kwargs = Mapping[str, Atom]
Row = Callable[[Types, Named, Args, Kwargs], Types | Type]
