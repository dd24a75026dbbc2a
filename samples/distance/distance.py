"""How far a supernova is, in a flat universe: an integral by adaptive quadrature, a function that calls itself."""

from math import log10

LIGHT = 299792.458  # km/s


def slowness(z: float, matter: float) -> float:
    """Today's rate of expansion over the one at redshift `z`."""
    return (matter * (1.0 + z) ** 3 + 1.0 - matter) ** -0.5


def simpson(a: float, b: float, fa: float, fm: float, fb: float, matter: float, tolerance: float) -> float:
    """The integral of `slowness` from `a` to `b`, halved until Simpson's rule says the same of the halves."""
    m = 0.5 * (a + b)
    fl = slowness(0.5 * (a + m), matter)
    fr = slowness(0.5 * (m + b), matter)
    whole = (b - a) / 6.0 * (fa + 4.0 * fm + fb)
    halves = (b - a) / 12.0 * (fa + 4.0 * fl + 2.0 * fm + 4.0 * fr + fb)
    error = (halves - whole) / 15.0
    if abs(error) < tolerance:
        return halves + error
    return simpson(a, m, fa, fl, fm, matter, 0.5 * tolerance) + simpson(m, b, fm, fr, fb, matter, 0.5 * tolerance)


def modulus(z: float, matter: float, hubble: float) -> float:
    """Distance modulus at redshift `z`; `matter`: its share of the critical density, `hubble` in km/s/Mpc."""
    path = simpson(0.0, z, 1.0, slowness(0.5 * z, matter), slowness(z, matter), matter, 1e-9)
    return 25.0 + 5.0 * log10((1.0 + z) * LIGHT / hubble * path)
