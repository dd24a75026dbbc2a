def f(x, a, b):
    y = (x + a) * (x + b)
    return y
