import CKernelShims

// Exponential and logarithm of sixteen doubles at once, for narrow rows. The series are those of the scalar functions.

/// `exp(t)` for `|t| <= 0.35`.
@inline(__always)
func exponentials(ofSmall t: WideLanes) -> WideLanes {
  multiplyAdd(exponentialQuotients(ofSmall: t), t, WideLanes(repeating: 1))
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

/// `log(1 + x)` for finite `x >= 0`, within 2 ulp also where `x` is tiny.
@inline(__always)
func logarithms(onePlus x: WideLanes) -> WideLanes {
  func constant(_ value: Double) -> WideLanes { WideLanes(repeating: value) }
  let rounded = constant(1) + x
  let back = rounded - constant(1)
  // What the addition lost, exactly (Knuth's two-sum).
  let lost = (constant(1) - (rounded - back)) + (x - back)
  let significand = significands(rounded)
  let isLow = (significand, constant(1.4142135623730951))
  let m = select(isLow.0, isLessThan: isLow.1, yes: significand, no: significand * constant(0.5))
  let k = select(isLow.0, isLessThan: isLow.1, yes: constant(0), no: constant(1)) + exponents(rounded)
  // Where 1 + x is next to 1, x itself is the better argument.
  let threshold = constant(0.41421356)
  let f = select(x, isLessThan: threshold, yes: x, no: m - constant(1))
  let n = select(x, isLessThan: threshold, yes: constant(0), no: k)
  let correction = select(x, isLessThan: threshold, yes: constant(0), no: lost / rounded)
  let defect = logarithmDefects(f) - multiplyAdd(n, constant(0x1.a39ef35793c76p-33), correction)
  return n * constant(0x1.62e42feep-1) - (defect - f)
}

/// `f - log(1 + f)` for `sqrt(1/2) - 1 <= f <= sqrt(2) - 1`.
@inline(__always)
private func logarithmDefects(_ f: WideLanes) -> WideLanes {
  func constant(_ value: Double) -> WideLanes { WideLanes(repeating: value) }
  let s = f / (constant(2) + f)
  let z = s * s
  var r = constant(2.0 / 23)
  r = multiplyAdd(r, z, constant(2.0 / 21))
  r = multiplyAdd(r, z, constant(2.0 / 19))
  r = multiplyAdd(r, z, constant(2.0 / 17))
  r = multiplyAdd(r, z, constant(2.0 / 15))
  r = multiplyAdd(r, z, constant(2.0 / 13))
  r = multiplyAdd(r, z, constant(2.0 / 11))
  r = multiplyAdd(r, z, constant(2.0 / 9))
  r = multiplyAdd(r, z, constant(2.0 / 7))
  r = multiplyAdd(r, z, constant(2.0 / 5))
  r = multiplyAdd(r, z, constant(2.0 / 3))
  let h = constant(0.5) * (f * f)
  return h - s * multiplyAdd(r, z, h)
}
