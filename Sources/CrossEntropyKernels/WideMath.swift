import CKernelShims

// Exponentials and logarithms of sixteen doubles at once.

/// `(exp(t) - 1) / t` for `|t| <= 0.35`, off by at most 2^-35.
@inline(__always)
func shortExponentialQuotients(ofSmall t: WideLanes) -> WideLanes {
  func constant(_ value: Double) -> WideLanes { WideLanes(repeating: value) }
  // Estrin's order.
  let square = t * t
  let a = multiplyAdd(constant(1.0 / 2), t, constant(1))
  let b = multiplyAdd(constant(1.0 / 24), t, constant(1.0 / 6))
  let c = multiplyAdd(constant(1.0 / 720), t, constant(1.0 / 120))
  let d = multiplyAdd(constant(1.0 / 40_320), t, constant(1.0 / 5_040))
  let high = multiplyAdd(multiplyAdd(constant(1.0 / 362_880), square, d), square, c)
  return multiplyAdd(multiplyAdd(high, square, b), square, a)
}

/// Two vectors whose series are computed side by side: each is a long chain of instructions.
typealias TwoWideLanes = (WideLanes, WideLanes)

@inline(__always)
func each(_ a: TwoWideLanes, _ operation: (WideLanes) -> WideLanes) -> TwoWideLanes {
  (operation(a.0), operation(a.1))
}

@inline(__always)
func each(_ a: TwoWideLanes, _ b: TwoWideLanes, _ operation: (WideLanes, WideLanes) -> WideLanes) -> TwoWideLanes {
  (operation(a.0, b.0), operation(a.1, b.1))
}

/// `(exp(t) - 1) / t` for `|t| <= 0.35`.
@inline(__always)
func exponentialQuotients(ofSmall t: WideLanes) -> WideLanes { exponentialQuotients(ofTwoSmall: (t, t)).0 }

/// `(exp(t) - 1) / t` for `|t| <= 0.35`.
@inline(__always)
func exponentialQuotients(ofTwoSmall t: TwoWideLanes) -> TwoWideLanes {
  let first = WideLanes(repeating: 1.0 / 6_227_020_800)
  var q = (first, first)
  @inline(__always) func addTerm(_ coefficient: Double) {
    q = each(q, t) { multiplyAdd($0, $1, WideLanes(repeating: coefficient)) }
  }
  addTerm(1.0 / 479_001_600)
  addTerm(1.0 / 39_916_800)
  addTerm(1.0 / 3_628_800)
  addTerm(1.0 / 362_880)
  addTerm(1.0 / 40_320)
  addTerm(1.0 / 5_040)
  addTerm(1.0 / 720)
  addTerm(1.0 / 120)
  addTerm(1.0 / 24)
  addTerm(1.0 / 6)
  addTerm(1.0 / 2)
  addTerm(1)
  return q
}

/// `log(1 + x / y)` for finite `x >= 0` and `y > 0`, off by at most 2^-28 of itself, also where that is tiny.
///
/// `1 + x / y = 2^k m` with `m` next to 1, and `log m = 2 atanh(s)` with `s = (m - 1) / (m + 1)`, at most 0.2004 either way. Both are
/// taken times `2^k y`, as `x + y (1 - 2^k)` and `x + y (1 + 2^k)`: where `k` is 0, nothing of a small `x` is lost, and there is one
/// division.
@inline(__always)
func shortLogarithms(onePlus x: WideLanes, over y: WideLanes) -> WideLanes {
  @inline(__always) func constant(_ value: Double) -> WideLanes { WideLanes(repeating: value) }
  let powers = powersOfTwo(nextTo: x + y, over: y)
  let s = multiplyAdd(y, constant(1) - powers, x) / multiplyAdd(y, constant(1) + powers, x)
  let z = s * s
  // Documentation/kernels/logarithm_polynomial.py finds the coefficients.
  var series = constant(0x1.37ba3c899c45dp-2)
  series = multiplyAdd(series, z, constant(0x1.991c9695ebb59p-2))
  series = multiplyAdd(series, z, constant(0x1.5555d6dfb390bp-1))
  series = multiplyAdd(series, z, constant(0x1.ffffffeb15d52p0))
  return multiplyAdd(exponents(powers), constant(0x1.62e42fefa39efp-1), s * series)
}

/// `log(1 + x)` for `x >= 0` that is at most 2^1000, within 1 ulp also where `x` is tiny; NaN where that is.
///
/// `1 + x = 2^k m` with `m` next to 1; what `1 + x` lost in rounding is added to first order. No multiply-add is fused here, so the
/// bits are the same on every machine.
@inline(__always)
func logarithms(onePlus x: WideLanes) -> WideLanes {
  @inline(__always) func constant(_ value: Double) -> WideLanes { WideLanes(repeating: value) }
  let (u, lost) = twoSum(constant(1), x)
  // Its exponent is k: m lies between the square roots of 1/2 and 2.
  let shifted = u * constant(1.4142135623730951)
  let n = exponents(shifted)
  // Where 1 + x is next to 1, x itself is the better argument, and nothing was lost.
  let largestArgument = constant(0.41421356)
  let f = select(x, isLessThan: largestArgument, yes: x, no: reduced(u, byExponentOf: shifted) - constant(1))
  let rest = select(x, isLessThan: largestArgument, yes: constant(0), no: lost / u)
  return n * constant(0x1.62e42feep-1)
    - ((logarithmDefects(f) - (n * constant(0x1.a39ef35793c76p-33) + rest)) - f)
}

/// `log(1 + x)`, to the same bits.
@inline(__always)
func logarithm(onePlus x: Double) -> Double { logarithms(onePlus: WideLanes(repeating: x))[0] }

/// `f - log(1 + f)` for `sqrt(1/2) - 1 <= f <= sqrt(2) - 1`.
///
/// With `s = f / (2 + f)` and `h = f^2 / 2`, `log(1 + f) = f - h + s (h + R)`, where `R = 2 (atanh(s) - s) / s` is a series in
/// `s^2 < 0.03`; eleven terms leave under 2^-60.
@inline(__always)
private func logarithmDefects(_ f: WideLanes) -> WideLanes {
  @inline(__always) func constant(_ value: Double) -> WideLanes { WideLanes(repeating: value) }
  let s = f / (constant(2) + f)
  let z = s * s
  var r = constant(2.0 / 23)
  r = r * z + constant(2.0 / 21)
  r = r * z + constant(2.0 / 19)
  r = r * z + constant(2.0 / 17)
  r = r * z + constant(2.0 / 15)
  r = r * z + constant(2.0 / 13)
  r = r * z + constant(2.0 / 11)
  r = r * z + constant(2.0 / 9)
  r = r * z + constant(2.0 / 7)
  r = r * z + constant(2.0 / 5)
  r = r * z + constant(2.0 / 3)
  r = r * z
  let h = constant(0.5) * f * f
  return h - s * (h + r)
}
