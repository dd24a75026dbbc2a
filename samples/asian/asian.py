"""An Asian call by Monte Carlo: paid is what the average of the price on some dates is above the strike."""

import numpy as np


def asian_call(spot, strike, rate, vol, years, shocks):
    """Discounted mean payoff over paths driven by the normal `shocks[date, path]` and, antithetic, by their negatives."""
    dates, paths = shocks.shape
    dt = years / dates
    price = 0.0
    for sign in (1.0, -1.0):
        log_price = np.full(paths, np.log(spot))
        total = np.zeros(paths)
        for shock in shocks:
            log_price += (rate - 0.5 * vol**2) * dt + vol * np.sqrt(dt) * sign * shock
            total += np.exp(log_price)
        payoff = np.maximum(total / dates - strike, 0.0)
        price += 0.5 * np.mean(payoff)
    return np.exp(-rate * years) * price
