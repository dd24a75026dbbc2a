"""Comments for listings: what each line computes, in the user's variables.

    t5 = t2 * t4     # (x + a) * (x + b)
    dt5_da = t4      # t2 * dt4_da + t4 * dt2_da = x + b
    dt4 += dt5 * t2  # x + a
    dt0 += dt2       # 2 * x + a + b (dy/dx)

A comment that would be long, that would only repeat its line, or that would depend on the path taken, is left out.
"""

from adtransform.annotate.comments import annotate
from adtransform.annotate.invariant import explain

__all__ = ["annotate", "explain"]
