/// `log(1 + x)` for `x >= 0` or NaN, within 1 ulp also where `x` is tiny.
///
/// `1 + x = 2^k m` with `m` next to 1, `log m = 2 atanh(s)` with `s = f / (2 + f)`, `f = m - 1`; what `1 + x` lost in
/// rounding is added to first order.
@inline(__always)
func logarithm(onePlus x: Double) -> Double {
  guard x > 0x1p-54 else { return x }  // also 0 and NaN
  guard x < 0x1p1000 else { return x }  // not reached by sums of exponentials; keeps infinity infinite
  if x < 0.41421356 { return x - logarithmDefect(x) }
  let rounded = 1 + x
  let lost = rounded > 2 ? 1 - (rounded - x) : x - (rounded - 1)
  var k = Int64(bitPattern: rounded.bitPattern &>> 52) &- 1023
  var m = Double(bitPattern: (rounded.bitPattern & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000)
  if m > 1.4142135623730951 {
    m *= 0.5
    k &+= 1
  }
  let f = m - 1
  let n = Double(k)
  return n * 0x1.62e42feep-1 - ((logarithmDefect(f) - (n * 0x1.a39ef35793c76p-33 + lost / rounded)) - f)
}

/// `f - log(1 + f)` for `sqrt(1/2) - 1 <= f <= sqrt(2) - 1`.
///
/// With `h = f^2 / 2`, `log(1 + f) = f - h + s (h + R)`, where `R = 2 (atanh(s) - s) / s` is a series in `s^2 < 0.03`;
/// eleven terms leave under 2^-60.
@inline(__always)
private func logarithmDefect(_ f: Double) -> Double {
  let s = f / (2 + f)
  let z = s * s
  var r = 2.0 / 23
  r = r * z + 2.0 / 21
  r = r * z + 2.0 / 19
  r = r * z + 2.0 / 17
  r = r * z + 2.0 / 15
  r = r * z + 2.0 / 13
  r = r * z + 2.0 / 11
  r = r * z + 2.0 / 9
  r = r * z + 2.0 / 7
  r = r * z + 2.0 / 5
  r = r * z + 2.0 / 3
  r = r * z
  let h = 0.5 * f * f
  return h - s * (h + r)
}
