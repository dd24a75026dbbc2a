"""The price of a European call (Black and Scholes, 1973)."""

from math import erf, exp, log, sqrt


def normal(x: float) -> float:
    return 0.5 * (1.0 + erf(x / sqrt(2.0)))


def price(spot: float, strike: float, rate: float, vol: float, time: float) -> float:
    """Call on a stock at `spot`, struck at `strike`, `time` years before expiry; yearly `rate` and volatility `vol`."""
    spread = vol * sqrt(time)
    d1 = (log(spot / strike) + (rate + vol * vol / 2.0) * time) / spread
    d2 = d1 - spread
    return spot * normal(d1) - strike * exp(-rate * time) * normal(d2)
