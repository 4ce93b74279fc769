#!/usr/bin/env python3
"""Finds the polynomials that the kernels use for the exponential, and bounds their errors.

The f32 kernels write exp(x) = node (1 + rest): the node is 2^k, or with fused multiply-adds c 2^k (1 + j/8), j = 0...7, and
1 + rest = exp(t) with t = x - ln(node). They need q with exp(t) = 1 + t + t^2 q(t): the coefficient of t stays exactly 1. The
others come from a Remez exchange on the relative error of exp(t); they are rounded to f32 one after another, from the
lowest degree up, and the higher ones are fitted again after each rounding, so that they make up for it.

With eight nodes x is rounded to n ln 2 / 8, n = 8k + j, and ln(node) lies ln(1 + j/8) - j ln 2 / 8 + ln c above that: the
kernels' table. Without c it would be 0 to 0.059; c makes it -0.029 to 0.029, so that |t| is at most ln 2 / 16 + 0.029.

The kernels' short reduction takes n times the float next to ln 2 / 8, which is too large by the excess.

In f64 they write exp(x) = 2^k exp(t) and exp(t) = 1 + t p(t), p of degree 10 with p(0) = 1, its coefficients rounded to f64 all at
once.

Needs mpmath (`pip install mpmath`). Prints tables and coefficients as Swift literals, lowest degree first, and the error of the
rounded polynomials in units of 2^-24 and 2^-53 (half an ulp just above a power of two), evaluated exactly. Takes ten seconds.
"""

import struct
from functools import cache

from mpmath import exp as uncached_exp
from mpmath import linspace, log, lu_solve, matrix, mp, mpf, sign

mp.prec = 160
# The rounding of x to a multiple of ln 2, or ln 2 / 8, can push t past its bounds by this much at the largest |x|.
MARGIN = mpf(2) ** -11
exp = cache(uncached_exp)


def to_f32(value: mpf) -> mpf:
    return mpf(struct.unpack("<f", struct.pack("<f", float(value)))[0])


def relative_error(coefficients: list[mpf], t: mpf) -> mpf:
    """(1 + t p(t)) / exp(t) - 1, where p = 1 + t q."""
    p = mpf(0)
    for c in reversed(coefficients):
        p = p * t + c
    return (1 + t * p) / exp(t) - 1


def extrema(coefficients: list[mpf], low: mpf, high: mpf, samples: int = 4000) -> list[mpf]:
    """The points where |error| is largest, one for each run of equal sign."""
    best: list[mpf] = []
    best_error: list[mpf] = []
    for t in linspace(low, high, samples + 1):
        e = relative_error(coefficients, t)
        if e == 0:
            continue
        if best and sign(e) == sign(best_error[-1]):
            if abs(e) > abs(best_error[-1]):
                best[-1], best_error[-1] = t, e
        else:
            best.append(t)
            best_error.append(e)
    return best


def remez(fixed: list[mpf], degree: int, low: mpf, high: mpf) -> list[mpf]:
    """The minimax p of this degree whose lowest coefficients are `fixed`."""
    free = degree + 1 - len(fixed)
    middle, half = (low + high) / 2, (high - low) / 2
    # Those of an even number: in the middle, which an odd number has, the error is 0 whatever the coefficients.
    even = free + 1 + (free + 1) % 2
    points = [middle + half * mp.cos(mp.pi * (2 * k + 1) / (2 * even)) for k in range(free + 1)]
    coefficients = fixed + [mpf(0)] * free
    for _ in range(30):
        # 1 + t p(t) + s E exp(t) = exp(t) at each point, s alternating: linear in the free coefficients and E.
        rows, right = [], []
        for i, t in enumerate(points):
            known = 1 + sum(c * t ** (k + 1) for k, c in enumerate(fixed))
            rows.append([t ** (k + 1) for k in range(len(fixed), degree + 1)] + [(-1) ** i * exp(t)])
            right.append(exp(t) - known)
        solution = lu_solve(matrix(rows), matrix(right))
        coefficients = fixed + [solution[k] for k in range(free)]
        found = extrema(coefficients, low, high)
        if len(found) < free + 1:
            break
        while len(found) > free + 1:  # keep a run of alternations; the ends with the smaller error go
            ends = (abs(relative_error(coefficients, found[0])), abs(relative_error(coefficients, found[-1])))
            found = found[1:] if ends[0] < ends[1] else found[:-1]
        if all(abs(a - b) < mpf(10) ** -6 for a, b in zip(sorted(found), sorted(points))):
            break
        points = found
    return coefficients


def find(degree: int, low: mpf, high: mpf) -> None:
    fixed = [mpf(1)]
    while len(fixed) <= degree:
        fixed.append(to_f32(remez(fixed, degree, low, high)[len(fixed)]))
    show("q", fixed[1:], worst_error(fixed, low, high) * 2**24, 24, low, high)


def find_f64(degree: int, low: mpf, high: mpf) -> None:
    coefficients = [mpf(float(c)) for c in remez([mpf(1)], degree, low, high)]
    show("p", coefficients, worst_error(coefficients, low, high) * 2**53, 53, low, high)


def worst_error(coefficients: list[mpf], low: mpf, high: mpf) -> mpf:
    return max(abs(relative_error(coefficients, t)) for t in linspace(low, high, 20001))


def show(name: str, coefficients: list[mpf], error: mpf, bits: int, low: mpf, high: mpf) -> None:
    print(f"  {float(error):.5f} x 2^-{bits} on {float(low):.6f} <= t <= {float(high):.6f}")
    for k, c in enumerate(coefficients):
        print(f"  {name}{k} = {float(c).hex()}")


def main() -> None:
    step = log(2) / 8
    offsets = [log(1 + mpf(j) / 8) - j * step for j in range(8)]
    middle = max(offsets) / 2
    print("eight nodes a power of two (fused multiply-adds):")
    print("  offsets", ", ".join(float(to_f32(o - middle)).hex() for o in offsets))
    print("  c", float(exp(-middle)).hex())
    print("  excess", float(to_f32(step) / step - 1).hex())
    bound = step / 2 + middle + MARGIN
    find(3, -bound, bound)
    print("powers of two:")
    find(5, -log(2) / 2 - 2 * MARGIN, log(2) / 2 + 2 * MARGIN)
    print("f64:")
    find_f64(10, -mpf("0.35"), mpf("0.35"))


if __name__ == "__main__":
    main()
