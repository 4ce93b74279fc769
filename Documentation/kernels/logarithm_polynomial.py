#!/usr/bin/env python3
"""Finds the polynomials that rows of few classes use for their logarithm, and bounds their errors.

The kernels write 1 + x / y = 2^k m and log m = 2 atanh(s), s = (m - 1) / (m + 1). They find k by the difference of two doubles'
bits, rounded: a double's bits are its logarithm to base 2, but for what log2(1 + f) exceeds the fraction f. So log2 m is at most
half and that excess either way. They need p with 2 atanh(s) = s p(s^2): a minimax polynomial by its relative error, so that the
logarithm of a 1 + x / y that is next to 1 is as good as any. That for rows of f64 logits starts with 2 exactly.

Needs mpmath (`pip install mpmath`). Prints the bounds, the coefficients as Swift literals, lowest degree first, and the largest
relative error, evaluated exactly.
"""

from functools import cache

from mpmath import atanh, cos, linspace, log, lu_solve, matrix, mp, mpf, pi, polyval, sign, sqrt, tanh

mp.prec = 160


@cache
def quotient(z: mpf) -> mpf:
    """2 atanh(s) / s of z = s^2."""
    return 2 * atanh(sqrt(z)) / sqrt(z) if z > 0 else mpf(2)


def relative_error(coefficients: list[mpf], z: mpf) -> mpf:
    return polyval(coefficients[::-1], z) / quotient(z) - 1


def extrema(coefficients: list[mpf], high: mpf) -> list[mpf]:
    """The points where |error| is largest, one for each run of equal sign."""
    best: list[mpf] = []
    for z in linspace(0, high, 4001):
        error = relative_error(coefficients, z)
        if best and sign(error) == sign(relative_error(coefficients, best[-1])):
            if abs(error) > abs(relative_error(coefficients, best[-1])):
                best[-1] = z
        else:
            best.append(z)
    return best


def remez(fixed: list[mpf], degree: int, high: mpf) -> list[mpf]:
    """The minimax polynomial of this degree for 0 <= z <= high whose lowest coefficients are `fixed`."""
    count = degree + 2 - len(fixed)
    points = [high / 2 * (1 + cos(pi * (2 * k + 1) / (2 * count))) for k in range(count)]
    coefficients: list[mpf] = []
    for _ in range(10):
        # p(z) + s E quotient(z) = quotient(z) at each point, s alternating: linear in the coefficients and E.
        free = range(len(fixed), degree + 1)
        rows = [[z**k for k in free] + [(-1) ** i * quotient(z)] for i, z in enumerate(points)]
        right = [quotient(z) - sum(c * z**k for k, c in enumerate(fixed)) for z in points]
        solution = lu_solve(matrix(rows), matrix(right))
        coefficients = fixed + [solution[k] for k in range(len(free))]
        found = extrema(coefficients, high)
        if len(found) != count:
            break
        points = found
    return coefficients


def find(fixed: list[mpf], degree: int, high: mpf) -> None:
    coefficients = [mpf(float(c)) for c in remez(fixed, degree, high)]
    worst = max(abs(relative_error(coefficients, z)) for z in linspace(0, high, 20001))
    print(f"2^{float(log(worst, 2)):.2f} of the logarithm")
    for k, c in enumerate(coefficients):
        print(f"  p{k} = {float(c).hex()}")


def main() -> None:
    excess = max(log(1 + f, 2) - f for f in linspace(0, 1, 10001))
    bound = tanh((mpf(1) / 2 + excess) * log(2) / 2)
    print(f"log2(1 + f) - f <= {float(excess):.5f}, |s| <= {float(bound):.5f}")
    find([], 3, bound**2)
    find([mpf(2)], 8, bound**2)


if __name__ == "__main__":
    main()
