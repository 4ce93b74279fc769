#!/usr/bin/env python3
"""Finds the polynomial that the f32 kernels use for the exponential, and bounds its error.

The kernels write x = n ln 2 + t with |t| <= ln 2 / 2 and need q with exp(t) = 1 + t q(t). The leading coefficient of q
stays exactly 1, because the powers of two and the rest are summed apart. The other coefficients come from a Remez
exchange on the relative error of exp(t); they are rounded to f32 one after another, from the lowest degree up, and the
higher ones are fitted again after each rounding, so that they make up for it.

Needs mpmath (`pip install mpmath`). Prints the coefficients as Swift literals and the error of the rounded polynomial
in units of 2^-24 (half an f32 ulp just above a power of two), evaluated exactly.
"""

import struct

from mpmath import exp, linspace, log, lu_solve, matrix, mp, mpf, sign

mp.prec = 160
DEGREE = 5  # of q; exp(t) is approximated to degree 6
# The rounding of x * log2(e) to an integer can push |t| past ln 2 / 2 by this much at the largest |x| (2^14).
MARGIN = mpf(2) ** -10
BOUND = log(2) / 2 + MARGIN


def to_f32(value: mpf) -> mpf:
    return mpf(struct.unpack("<f", struct.pack("<f", float(value)))[0])


def relative_error(coefficients: list[mpf], t: mpf) -> mpf:
    """(1 + t q(t)) / exp(t) - 1."""
    q = mpf(0)
    for c in reversed(coefficients):
        q = q * t + c
    return (1 + t * q) / exp(t) - 1


def extrema(coefficients: list[mpf], samples: int = 4000) -> list[mpf]:
    """The points where |error| is largest, one for each run of equal sign."""
    best: list[mpf] = []
    best_error: list[mpf] = []
    for t in linspace(-BOUND, BOUND, samples + 1):
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


def remez(fixed: list[mpf]) -> list[mpf]:
    """The minimax q of degree DEGREE whose lowest coefficients are `fixed`."""
    free = DEGREE + 1 - len(fixed)
    points = [BOUND * mp.cos(mp.pi * (2 * k + 1) / (2 * (free + 1))) for k in range(free + 1)]
    coefficients = fixed + [mpf(0)] * free
    for _ in range(30):
        # 1 + t q(t) + s E exp(t) = exp(t) at each point, s alternating: linear in the free coefficients and E.
        rows, right = [], []
        for i, t in enumerate(points):
            known = 1 + sum(c * t ** (k + 1) for k, c in enumerate(fixed))
            rows.append([t ** (k + 1) for k in range(len(fixed), DEGREE + 1)] + [(-1) ** i * exp(t)])
            right.append(exp(t) - known)
        solution = lu_solve(matrix(rows), matrix(right))
        coefficients = fixed + [solution[k] for k in range(free)]
        found = extrema(coefficients)
        if len(found) < free + 1:
            break
        while len(found) > free + 1:  # keep a run of alternations; the ends with the smaller error go
            ends = (abs(relative_error(coefficients, found[0])), abs(relative_error(coefficients, found[-1])))
            found = found[1:] if ends[0] < ends[1] else found[:-1]
        if all(abs(a - b) < mpf(10) ** -6 for a, b in zip(sorted(found), sorted(points))):
            break
        points = found
    return coefficients


def main() -> None:
    fixed = [mpf(1)]
    print(f"unrounded: {float(max(abs(relative_error(remez(fixed), t)) for t in extrema(remez(fixed))) * 2**24):.5f} x 2^-24")
    while len(fixed) <= DEGREE:
        fixed.append(to_f32(remez(fixed)[len(fixed)]))
    worst = max(abs(relative_error(fixed, t)) for t in linspace(-BOUND, BOUND, 20001))
    print(f"rounded:   {float(worst * 2**24):.5f} x 2^-24 on |t| <= {float(BOUND):.6f}")
    for k, c in enumerate(fixed):
        print(f"q{k} = {float(c).hex()}")


if __name__ == "__main__":
    main()
