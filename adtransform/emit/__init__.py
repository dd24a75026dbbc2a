"""From a `Function` to the text a person reads."""

from adtransform.emit.module import Globals, function, load, module

__all__ = ["Globals", "function", "load", "module"]
