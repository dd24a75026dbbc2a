"""What carries no derivative: steps, tests, positions, shapes, fresh arrays."""

from __future__ import annotations

from adtransform.rules.table import constant

constant(
    "operator.lt operator.le operator.eq operator.ne operator.gt operator.ge operator.is_ operator.is_not operator.not_ "
    "operator.and_ operator.or_ operator.xor operator.invert operator.lshift operator.rshift operator.floordiv "
    "builtins.contains builtins.not_contains builtins.bool builtins.int builtins.round builtins.len builtins.range "
    "builtins.isinstance builtins.print builtins.str builtins.repr builtins.type builtins.callable builtins.slice "
    "builtins.list.index builtins.list.count bisect.bisect_left bisect.bisect_right"
)
constant(
    "math.floor math.ceil math.trunc math.isnan math.isinf math.isfinite math.isclose math.comb math.perm math.factorial "
    "math.gcd math.lcm math.isqrt math.ulp"
)
constant(
    "numpy.floor numpy.ceil numpy.trunc numpy.rint numpy.fix numpy.round numpy.around numpy.floor_divide "
    "numpy.signbit numpy.spacing numpy.isnan numpy.isinf numpy.isfinite numpy.isclose numpy.allclose numpy.array_equal "
    "numpy.array_equiv numpy.iscomplex numpy.isreal numpy.iscomplexobj numpy.isrealobj numpy.isposinf numpy.isneginf "
    "numpy.isscalar numpy.equal numpy.not_equal numpy.less numpy.less_equal numpy.greater numpy.greater_equal "
    "numpy.logical_and numpy.logical_or numpy.logical_xor numpy.logical_not numpy.bitwise_and numpy.bitwise_or "
    "numpy.bitwise_xor numpy.invert numpy.bitwise_not numpy.left_shift numpy.right_shift numpy.gcd numpy.lcm "
    "numpy.any numpy.all numpy.argmax numpy.argmin numpy.nanargmax numpy.nanargmin numpy.argsort numpy.argpartition "
    "numpy.tril_indices_from numpy.triu_indices_from numpy.diag_indices_from numpy.mask_indices numpy.broadcast_shapes "
    "numpy.bartlett numpy.blackman numpy.hamming numpy.hanning numpy.bitwise_count numpy.isfortran "
    "numpy.lexsort numpy.isin numpy.linalg.matrix_rank numpy.ravel_multi_index numpy.unravel_index numpy.ix_ "
    "numpy.argwhere numpy.nonzero numpy.flatnonzero numpy.count_nonzero numpy.searchsorted numpy.digitize "
    "numpy.shape numpy.ndim numpy.size numpy.result_type numpy.dtype numpy.finfo numpy.iinfo numpy.shares_memory "
    "numpy.zeros numpy.ones numpy.empty numpy.eye numpy.identity numpy.zeros_like numpy.ones_like numpy.empty_like "
    "numpy.tri numpy.tril_indices numpy.triu_indices numpy.diag_indices numpy.indices numpy.ogrid"
)
constant("zeros swap trips last")
