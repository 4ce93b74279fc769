import Glibc

/// Rows that are the same on every machine.
struct CheckData {
  let classCount: Int
  var logits: [Float] = []
  var labels: [Int64] = []

  init(classCount: Int, offset: Float) {
    self.classCount = classCount
    var state = UInt64(classCount) &* 0x9e37_79b9_7f4a_7c15
    func next() -> UInt64 {
      // SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ (z &>> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z &>> 27)) &* 0x94d0_49bb_1331_11eb
      return z ^ (z &>> 31)
    }
    for row in 0..<(classCount > 10_000 ? 3 : 101) {
      let spread: Float = [0.0625, 0.5, 2, 8][row % 4]
      var best = (index: 0, logit: -Float.infinity)
      for index in 0..<classCount {
        let bits = next()
        let sum = Int(bits & 0xffff) + Int(bits >> 16 & 0xffff) + Int(bits >> 32 & 0xffff) + Int(bits >> 48)
        let logit = Float(sum - 0x1_ffff) * (1 / 32_768) * spread + offset
        logits.append(logit)
        if logit > best.logit { best = (index, logit) }
      }
      // Every third row is a confident one.
      if row % 3 == 0 { logits[row * classCount + best.index] += 20 }
      labels.append(Int64(row % 3 == 0 ? best.index : Int(next() % UInt64(classCount))))
    }
  }

  /// By the C library, in double precision; the terms are added with what rounding loses.
  func exactLoss(_ row: Int) -> Double {
    let row = (logits: logits[row * classCount..<(row + 1) * classCount].map(Double.init), label: Int(labels[row]))
    let top = row.logits.indices.max { row.logits[$0] < row.logits[$1] }!
    var others = ExactSum()
    for index in row.logits.indices where index != top { others.add(Glibc.exp(row.logits[index] - row.logits[top])) }
    return Glibc.log1p(others.value) + (row.logits[top] - row.logits[row.label])
  }
}
