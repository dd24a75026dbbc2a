"""The text form of the IR: `show` prints a function, `parse` reads it back.

    def f(x: float, n: int):
        t0 = load('x')
        t1 = load('n')
        u2 = for i in range(0, t1, 1) with u1 = t0:
            t2 = operator.mul(u1, t0)
            yield False, t2
        yield u2

A line is spelt as in the docstring of its class in `ir`.  A result that is not one bare value says how it is nested:
`yield y, t3 as (0, {'slope': 1})`.  Names are the hints made unique, so the same function always prints the same text and
`show(parse(show(f))) == show(f)`.  Origins, docstrings, bindings and which statement an `If` or `For` mirrors are left out.
"""

from adtransform.listing.reading import parse, parse_type
from adtransform.listing.writing import constant, names, show, show_line

__all__ = ["constant", "names", "parse", "parse_type", "show", "show_line"]
