#!/usr/bin/env python3
"""Finds the polynomial that rows of f32, f16 and bf16 logits use for their logarithm, and bounds its error.

The kernels write 1 + x / y = 2^k m and log m = 2 atanh(s), s = (m - 1) / (m + 1). They find k by the difference of two doubles'
bits, rounded: a double's bits are its logarithm to base 2, but for what log2(1 + f) exceeds the fraction f. So log2 m is at most
half and that excess either way. They need p with 2 atanh(s) = s p(s^2): a minimax polynomial by its relative error, so that the
logarithm of a 1 + x / y that is next to 1 is as good as any.

Needs mpmath (`pip install mpmath`). Prints the bounds, the coefficients as Swift literals, lowest degree first, and the largest
relative error, evaluated exactly.
"""

from mpmath import atanh, cos, linspace, log, lu_solve, matrix, mp, mpf, pi, polyval, sign, sqrt, tanh

mp.prec = 160
DEGREE = 3


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


def remez(high: mpf) -> list[mpf]:
    """The minimax polynomial for 0 <= z <= high."""
    count = DEGREE + 2
    points = [high / 2 * (1 + cos(pi * (2 * k + 1) / (2 * count))) for k in range(count)]
    coefficients: list[mpf] = []
    for _ in range(10):
        # p(z) + s E quotient(z) = quotient(z) at each point, s alternating: linear in the coefficients and E.
        rows = [[z**k for k in range(DEGREE + 1)] + [(-1) ** i * quotient(z)] for i, z in enumerate(points)]
        solution = lu_solve(matrix(rows), matrix([quotient(z) for z in points]))
        coefficients = [solution[k] for k in range(DEGREE + 1)]
        found = extrema(coefficients, high)
        if len(found) != count:
            break
        points = found
    return coefficients


def main() -> None:
    excess = max(log(1 + f, 2) - f for f in linspace(0, 1, 10001))
    bound = tanh((mpf(1) / 2 + excess) * log(2) / 2)
    coefficients = [mpf(float(c)) for c in remez(bound**2)]
    worst = max(abs(relative_error(coefficients, z)) for z in linspace(0, bound**2, 20001))
    print(f"log2(1 + f) - f <= {float(excess):.5f}, |s| <= {float(bound):.5f}")
    print(f"2^{float(log(worst, 2)):.2f} of the logarithm")
    for k, c in enumerate(coefficients):
        print(f"  p{k} = {float(c).hex()}")


if __name__ == "__main__":
    main()
