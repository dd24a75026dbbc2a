"""All greeks of one call, differentiated and in closed form."""

from math import erf, exp, log, pi, sqrt

from blackscholes import price

from adtransform import grad

at = (100.0, 95.0, 0.03, 0.25, 0.5)
spot, strike, rate, vol, time = at

d1 = (log(spot / strike) + (rate + vol**2 / 2) * time) / (vol * sqrt(time))
d2 = d1 - vol * sqrt(time)
bell = exp(-d1 * d1 / 2) / sqrt(2 * pi)


def normal(x: float) -> float:
    return (1 + erf(x / sqrt(2))) / 2


delta_of = grad(price, "spot")
delta, rho, vega, decay = grad(price, ("spot", "rate", "vol", "time"))(*at)
second = grad(delta_of, ("spot", "vol"))(*at)
discounted = strike * exp(-rate * time)

greeks = {
    "delta": (delta, normal(d1)),
    "vega": (vega, spot * bell * sqrt(time)),
    "theta": (-decay, -spot * bell * vol / (2 * sqrt(time)) - rate * discounted * normal(d2)),
    "rho": (rho, time * discounted * normal(d2)),
    "gamma": (second[0], bell / (spot * vol * sqrt(time))),
    "vanna": (second[1], -bell * d2 / vol),
}

if __name__ == "__main__":
    print(f"price {price(*at):.6f}")
    print(f"{'':6} {'derivative':>12} {'closed form':>12}")
    for name, (ours, theirs) in greeks.items():
        print(f"{name:6} {ours:12.6f} {theirs:12.6f}")
