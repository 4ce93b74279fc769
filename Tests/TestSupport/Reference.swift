import Glibc

#if arch(x86_64)
  /// The cross-entropy of a row in 80-bit arithmetic by the C library: shares nothing with the kernels.
  package func exactLoss<Logit: BinaryFloatingPoint>(_ row: [Logit], label: Int) -> Float80 {
    let top = row.indices.max { row[$0] < row[$1] || (row[$0] == row[$1] && $0 > $1) }!
    var others: Float80 = 0
    var lost: Float80 = 0
    for index in row.indices where index != top {
      // Kahan's summation: the rounding errors of many equal terms all point the same way.
      let term = expl(Float80(row[index]) - Float80(row[top])) - lost
      let next = others + term
      lost = (next - others) - term
      others = next
    }
    return log1pl(others) + (Float80(row[top]) - Float80(row[label]))
  }

  /// The distance of a float from an exact value, in units in the last place of that value.
  package func ulps(_ value: Float, _ exact: Float80) -> Double {
    Double((Float80(value) - exact).magnitude / Float80(Float(exact).ulp))
  }

  /// The distance of a double from an exact value, in units in the last place of that value.
  package func ulps(_ value: Double, _ exact: Float80) -> Double {
    Double((Float80(value) - exact).magnitude / Float80(Double(exact).ulp))
  }
#endif
