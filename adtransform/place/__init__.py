"""Storage: from pure values to Python's variables, views and writes in place.

u1 = update(u0, 0, 1.0); yield u1        becomes        u = u.copy(); u[0] = 1.0; return u
"""

from __future__ import annotations

from adtransform.ir import Function
from adtransform.place.copies import settle
from adtransform.place.current import current
from adtransform.place.growth import reread
from adtransform.place.items import items
from adtransform.place.program import Program
from adtransform.place.storage import Storage
from adtransform.place.takeover import name_taken_over
from adtransform.place.thread import thread
from adtransform.place.unpack import unpack


def place(f: Function, *, listing: bool = False) -> tuple[Program, Storage]:
    """The statements of `f` with exits, writes in place and the copies they need, and which values share memory."""
    program = thread(f, listing=listing)
    if not listing:
        unpack(program.nodes)
        current(program)
    memory, found = settle(program, results=not listing and not f.internal)
    if not listing:
        current(program, found)
        name_taken_over(program, memory)
        items(program.nodes)
        reread(program.nodes)
    return program, memory
