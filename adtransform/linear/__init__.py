"""Linear operations, pushed forward and pulled back.

A differential is a linear function of the operands' tangents.  Forward mode inlines it (`push`); reverse mode runs it
backwards (`pull`), each linear operation replaced by its transpose.
"""

from adtransform.linear.differential import empty, nothing, zero
from adtransform.linear.pull import Contribute, pull, singular
from adtransform.linear.push import push

__all__ = ["Contribute", "empty", "nothing", "pull", "push", "singular", "zero"]
