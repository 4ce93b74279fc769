import CKernelShims

// Exponentials and logarithms of sixteen doubles at once.

@inline(__always)
private func constant(_ value: Double) -> WideLanes { WideLanes(repeating: value) }

/// `(exp(t) - 1) / t` for `|t| <= 0.35`, off by at most 2^-35.
@inline(__always)
func shortExponentialQuotients(ofSmall t: WideLanes) -> WideLanes {
  // Estrin's order.
  let square = t * t
  let a = multiplyAdd(constant(1.0 / 2), t, constant(1))
  let b = multiplyAdd(constant(1.0 / 24), t, constant(1.0 / 6))
  let c = multiplyAdd(constant(1.0 / 720), t, constant(1.0 / 120))
  let d = multiplyAdd(constant(1.0 / 40_320), t, constant(1.0 / 5_040))
  let high = multiplyAdd(multiplyAdd(constant(1.0 / 362_880), square, d), square, c)
  return multiplyAdd(multiplyAdd(high, square, b), square, a)
}

/// `(exp(t) - 1) / t` for `|t| <= 0.35`.
@inline(__always)
func exponentialQuotients(ofSmall t: WideLanes) -> WideLanes { exponentialQuotients(ofFourSmall: fourCopies(of: t)).0 }

/// `(exp(t) - 1) / t` for `|t| <= 0.35`.
@inline(__always)
func exponentialQuotients(ofFourSmall t: Four<WideLanes>) -> Four<WideLanes> {
  exponentialQuotients {
    fourCopies(of: constant($0))
  } step: { q, next in
    each(q, t) { multiplyAdd($0, $1, constant(next)) }
  }
}

/// `(exp(t) - 1) / t` for `|t| <= 0.35`: makes the exponential off by at most 0.12 * 2^-53.
///
/// Documentation/kernels/exponential_polynomial.py finds the coefficients.
/// - Parameters:
///   - start: the polynomial's first value, of its highest coefficient.
///   - step: that value times `t`, and the next coefficient.
@inline(__always)
func exponentialQuotients<Value>(start: (Double) -> Value, step: (Value, Double) -> Value) -> Value {
  var q = start(0x1.ad7ace96d5a64p-26)
  q = step(q, 0x1.28b15bae90642p-22)
  q = step(q, 0x1.71df2eb5a22f7p-19)
  q = step(q, 0x1.a01995fa20f5ep-16)
  q = step(q, 0x1.a01a01233f917p-13)
  q = step(q, 0x1.6c16c185981adp-10)
  q = step(q, 0x1.1111111129941p-7)
  q = step(q, 0x1.555555555025dp-5)
  q = step(q, 0x1.55555555554f0p-3)
  q = step(q, 0x1.000000000000bp-1)
  return step(q, 1)
}

// `log(1 + x / y)` for finite `x >= 0` and `y > 0`. `1 + x / y = 2^k m` with `m` next to 1, and `log m = 2 atanh(s)` with
// `s = (m - 1) / (m + 1)`, at most 0.2004 either way. Both are taken times `2^k y`, as `x + y (1 - 2^k)` and `x + y (1 + 2^k)`: where `k` is
// 0, nothing of a small `x` is lost, and there is one division. Documentation/kernels/logarithm_polynomial.py finds the coefficients of
// `2 atanh(s) / s`, a series in `s^2`.

/// `log(1 + x / y)`, off by at most 2^-28 of itself, also where that is tiny.
@inline(__always)
func shortLogarithms(onePlus x: WideLanes, over y: WideLanes) -> WideLanes {
  let powers = powersOfTwo(nextTo: x + y, over: y)
  let s = multiplyAdd(y, constant(1) - powers, x) / multiplyAdd(y, constant(1) + powers, x)
  let z = s * s
  var series = constant(0x1.37ba3c899c45dp-2)
  series = multiplyAdd(series, z, constant(0x1.991c9695ebb59p-2))
  series = multiplyAdd(series, z, constant(0x1.5555d6dfb390bp-1))
  series = multiplyAdd(series, z, constant(0x1.ffffffeb15d52p0))
  return multiplyAdd(exponents(powers), constant(0x1.62e42fefa39efp-1), s * series)
}

#if KERNEL_FMA
  /// `log(1 + x / y)` within 1.5 ulp, also where that is tiny. What a quotient is rounded by is found by a fused multiply-add.
  @inline(__always)
  func logarithms(onePlus x: WideLanes, over y: WideLanes) -> WideLanes {
    let powers = powersOfTwo(nextTo: x + y, over: y)
    let numerator = multiplyAdd(y, constant(1) - powers, x)
    let part = y * (constant(1) + powers)
    let (denominator, lost) = fastTwoSum(part, x)
    let reciprocal = constant(1) / denominator
    let s = numerator * reciprocal
    // What s lacks: nothing else would be off by as much where the logarithm is small.
    let minus = constant(0) - s
    let missing = multiplyAdd(minus, lost, multiplyAdd(minus, denominator, numerator)) * reciprocal
    let z = s * s
    var series = constant(0x1.1a80cd8be7016p-3)
    series = multiplyAdd(series, z, constant(0x1.0df424d48d918p-3))
    series = multiplyAdd(series, z, constant(0x1.3b3327e1c9174p-3))
    series = multiplyAdd(series, z, constant(0x1.745c60f66dd0cp-3))
    series = multiplyAdd(series, z, constant(0x1.c71c74280e60ap-3))
    series = multiplyAdd(series, z, constant(0x1.24924922670e7p-2))
    series = multiplyAdd(series, z, constant(0x1.999999999b79bp-2))
    series = multiplyAdd(series, z, constant(0x1.5555555555551p-1))
    let n = exponents(powers)
    let small = multiplyAdd(s * z, series, multiplyAdd(n, constant(0x1.a39ef35793c76p-33), missing + missing))
    return multiplyAdd(n, constant(0x1.62e42feep-1), (s + s) + small)
  }
#endif

/// `log(1 + x + low)` for `x >= 0` that is at most 2^1000 and a `low` that is tiny against it, within 1 ulp also where `x` is tiny; NaN
/// where that is.
///
/// `1 + x = 2^k m` with `m` next to 1; what `1 + x` lost in rounding is added to first order. No multiply-add is fused here, so the
/// bits are the same on every machine.
@inline(__always)
func logarithms(onePlus x: WideLanes, low: WideLanes) -> WideLanes {
  let (u, lost) = twoSum(constant(1), x)
  // Its exponent is k: m lies between the square roots of 1/2 and 2.
  let shifted = u * constant(1.4142135623730951)
  let n = exponents(shifted)
  // Where 1 + x is next to 1, x itself is the better argument, and nothing was lost.
  let largestArgument = constant(0.41421356)
  let f = select(x, isLessThan: largestArgument, yes: x, no: reduced(u, byExponentOf: shifted) - constant(1))
  let rest = (select(x, isLessThan: largestArgument, yes: constant(0), no: lost) + low) / u
  return n * constant(0x1.62e42feep-1)
    - ((logarithmDefects(f) - (n * constant(0x1.a39ef35793c76p-33) + rest)) - f)
}

/// `log(1 + x + low)`, to the same bits.
@inline(__always)
func logarithm(onePlus x: Double, low: Double) -> Double {
  logarithms(onePlus: WideLanes(repeating: x), low: WideLanes(repeating: low))[0]
}

/// `f - log(1 + f)` for `sqrt(1/2) - 1 <= f <= sqrt(2) - 1`.
///
/// With `s = f / (2 + f)` and `h = f^2 / 2`, `log(1 + f) = f - h + s (h + R)`, where `R = 2 (atanh(s) - s) / s` is a series in
/// `s^2 < 0.03`; eleven terms leave under 2^-60.
@inline(__always)
private func logarithmDefects(_ f: WideLanes) -> WideLanes {
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
