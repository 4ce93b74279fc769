import Glibc

/// A type in which the reference computes.
protocol ReferenceReal: BinaryFloatingPoint {
  static func exponential(_ x: Self) -> Self
  static func logarithm1p(_ x: Self) -> Self
}

extension Double: ReferenceReal {
  static func exponential(_ x: Double) -> Double { Glibc.exp(x) }
  static func logarithm1p(_ x: Double) -> Double { Glibc.log1p(x) }
}

#if arch(x86_64)
  extension Float80: ReferenceReal {
    static func exponential(_ x: Float80) -> Float80 { Glibc.exp(x) }
    static func logarithm1p(_ x: Float80) -> Float80 { Glibc.log1p(x) }
  }
  /// More than f64, so that f64 results can be judged.
  typealias WidestReal = Float80
#else
  typealias WidestReal = Double
#endif
