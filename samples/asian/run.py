"""Price and greeks of an Asian call with the emitted gradient; needs NumPy, and nothing else."""

import numpy as np
from reverse import asian_call_reverse

MARKET = (100.0, 98.0, 0.03, 0.25, 1.0)
NAMES = ["delta", "by strike", "rho", "vega", "by time"]
SHOCKS = np.random.default_rng(5).normal(size=(52, 20_000))

price, gradient = asian_call_reverse(*MARKET, SHOCKS)
greeks = dict(zip(NAMES, gradient, strict=True))

if __name__ == "__main__":
    print(f"price {price:.4f}; " + ", ".join(f"{name} {value:.4f}" for name, value in greeks.items()))
