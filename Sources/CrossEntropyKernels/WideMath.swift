import CKernelShims

// Exponential and logarithm of sixteen doubles at once, for narrow rows. The series are those of the scalar functions.

/// `exp(t)` for `|t| <= 0.347`, off by at most 2^-29: with the coefficients of the f32 kernels without fused multiply-adds.
@inline(__always)
func shortExponentials(ofSmall t: WideLanes) -> WideLanes {
  func constant(_ value: Double) -> WideLanes { WideLanes(repeating: value) }
  // Estrin's order.
  let square = t * t
  let low = multiplyAdd(constant(0x1.55548ap-3), t, constant(0x1.fffffcp-2))
  let middle = multiplyAdd(constant(0x1.123ec2p-7), t, constant(0x1.55585p-5))
  let q = multiplyAdd(multiplyAdd(constant(0x1.6ac324p-10), square, middle), square, low)
  return multiplyAdd(q, square, t) + constant(1)
}

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

/// `(exp(t) - 1) / t` for `|t| <= 0.35`.
@inline(__always)
func exponentialQuotients(ofSmall t: WideLanes) -> WideLanes {
  func constant(_ value: Double) -> WideLanes { WideLanes(repeating: value) }
  var q = constant(1.0 / 6_227_020_800)
  q = multiplyAdd(q, t, constant(1.0 / 479_001_600))
  q = multiplyAdd(q, t, constant(1.0 / 39_916_800))
  q = multiplyAdd(q, t, constant(1.0 / 3_628_800))
  q = multiplyAdd(q, t, constant(1.0 / 362_880))
  q = multiplyAdd(q, t, constant(1.0 / 40_320))
  q = multiplyAdd(q, t, constant(1.0 / 5_040))
  q = multiplyAdd(q, t, constant(1.0 / 720))
  q = multiplyAdd(q, t, constant(1.0 / 120))
  q = multiplyAdd(q, t, constant(1.0 / 24))
  q = multiplyAdd(q, t, constant(1.0 / 6))
  q = multiplyAdd(q, t, constant(1.0 / 2))
  return multiplyAdd(q, t, constant(1))
}

/// `log(1 + x)` for finite `x >= 0`, off by at most 2^-28, also where `x` is tiny.
///
/// `1 + x = 2^k m` with `m` next to 1, and `log m = 2 atanh(s)` with `s = f / (2 + f)`, `f = m - 1`, of which five terms leave
/// `s^10 / 11`.
@inline(__always)
func logarithms(onePlus x: WideLanes) -> WideLanes {
  func constant(_ value: Double) -> WideLanes { WideLanes(repeating: value) }
  let u = constant(1) + x
  // Its exponent is k: m lies between the square roots of 1/2 and 2.
  let shifted = u * constant(1.4142135623730951)
  // Where 1 + x is next to 1, x itself is the better argument.
  let f = select(x, isLessThan: constant(0.41421356), yes: x, no: reduced(u, byExponentOf: shifted) - constant(1))
  let s = f / (constant(2) + f)
  let z = s * s
  var series = constant(2.0 / 9)
  series = multiplyAdd(series, z, constant(2.0 / 7))
  series = multiplyAdd(series, z, constant(2.0 / 5))
  series = multiplyAdd(series, z, constant(2.0 / 3))
  series = multiplyAdd(series, z, constant(2))
  return multiplyAdd(exponents(shifted), constant(0x1.62e42fefa39efp-1), s * series)
}
