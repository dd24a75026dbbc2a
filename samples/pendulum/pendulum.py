"""A damped pendulum, integrated by Runge-Kutta, against measured angles."""

from math import sin

GRAVITY = 9.81


def slope(angle, speed, length, damping):
    return speed, -GRAVITY / length * sin(angle) - damping * speed


def step(angle, speed, length, damping, dt):
    """One step of the classical fourth-order method."""
    a1, s1 = slope(angle, speed, length, damping)
    a2, s2 = slope(angle + 0.5 * dt * a1, speed + 0.5 * dt * s1, length, damping)
    a3, s3 = slope(angle + 0.5 * dt * a2, speed + 0.5 * dt * s2, length, damping)
    a4, s4 = slope(angle + dt * a3, speed + dt * s3, length, damping)
    angle += dt / 6.0 * (a1 + 2.0 * a2 + 2.0 * a3 + a4)
    speed += dt / 6.0 * (s1 + 2.0 * s2 + 2.0 * s3 + s4)
    return angle, speed


def misfit(angle: float, speed: float, length: float, damping: float, measured, dt: float, every: int):
    """Sum of squares against angles `measured` once in `every` steps, from the given start on."""
    total = 0.0
    for m in measured:
        total += (angle - m) ** 2
        for _ in range(every):
            angle, speed = step(angle, speed, length, damping, dt)
    return total
