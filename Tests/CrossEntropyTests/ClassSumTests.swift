import TestSupport
import Testing

@testable import CrossEntropy

/// Losses in which all classes count: of probabilities, and of smoothed labels, with whatever else can be asked for.
@Suite("Losses of all classes")
struct ClassSumTests {
  /// Rows of every kind, good and bad, with probabilities, labels and weights of every kind.
  private struct Rows {
    let classCount: Int
    var logits: [[Float]] = []
    var probabilities: [Float] = []
    var labels: [Int64] = []
    var sampleWeights: [Float] = []
    var classWeights: [Float]
    var options = LossOptions()

    init(count: Int, classCount: Int, seed: Int) {
      var random = SplitMix64(seed: UInt64(seed))
      self.classCount = classCount
      // A third of the classes weigh nothing.
      classWeights = (0..<classCount).map { $0 % 3 == 1 ? 0 : 0.25 + Float($0 % 4) }
      for _ in 0..<count {
        logits.append(Self.logits(classCount, using: &random))
        probabilities += Self.probabilities(classCount, using: &random)
        labels.append(Int64.random(in: 0..<Int64(classCount), using: &random))
        sampleWeights.append([0, 0.5, 1, 3, 0.1, -1, .nan].randomElement(using: &random)!)
      }
      options.zLoss = 1e-3
    }

    private static func logits(_ count: Int, using random: inout SplitMix64) -> [Float] {
      var row = random.floats(count: count, spread: 3)
      let place = Int.random(in: 0..<count, using: &random)
      switch Int.random(in: 0..<12, using: &random) {
      case 0: row[place] = .nan
      case 1: row[place] = .infinity
      case 2, 3, 4: row[place] = -.infinity
      case 5: row = row.map { _ in -.infinity }
      case 6: row = row.map { $0 * 1e30 }
      default: break
      }
      return row
    }

    private static func probabilities(_ count: Int, using random: inout SplitMix64) -> [Float] {
      let isSparse = Bool.random(using: &random)
      var row = (0..<count).map { _ in
        isSparse && Bool.random(using: &random) ? 0 : Float.random(in: 0.1...1, using: &random)
      }
      let total = row.reduce(0, +)
      if total > 0 { row = row.map { $0 / total } }
      let place = Int.random(in: 0..<count, using: &random)
      switch Int.random(in: 0..<16, using: &random) {
      case 0: row[place] = .nan
      case 1: row[place] = -0.5
      case 2: row[place] += 0.01
      case 3: row = row.map { _ in 0 }
      default: break
      }
      return row
    }

    func answers(_ range: Range<Int>, ofProbabilities: Bool, kernel: Kernel) -> Answers {
      sampleWeights[range].withUnsafeBytes { sampleWeights in
        classWeights.withUnsafeBytes { classWeights in
          func choose(_ chosen: inout LossOptions) {
            chosen = options
            chosen.sampleWeights = sampleWeights.baseAddress
            chosen.classWeights = classWeights.baseAddress
          }
          let logits = Array(logits[range])
          let shares = probabilities[range.lowerBound * classCount..<range.upperBound * classCount]
          return ofProbabilities
            ? compute(logits, labels: Array(shares), layout: .probabilities(.f32), kernel: kernel, options: choose)
            : compute(logits, labels: Array(labels[range]), kernel: kernel, options: choose)
        }
      }
    }
  }

  static let shapes = [
    (1, 1), (3, 1), (50, 2), (16, 3), (17, 10), (300, 10), (33, 63), (70, 65), (33, 191), (50, 192), (20, 193),
    (5, 2500),
  ]

  @Test("a row has the loss and verdict that it has alone, and the figures are the sums of all", arguments: shapes)
  func together(count: Int, classCount: Int) {
    for (isSmoothed, ofProbabilities) in [(false, true), (true, true), (true, false)] {
      var rows = Rows(count: count, classCount: classCount, seed: count)
      rows.options.labelSmoothing = isSmoothed ? 0.1 : 0
      for kernel in kernels {
        let together = rows.answers(0..<count, ofProbabilities: ofProbabilities, kernel: kernel)
        let alone = (0..<count).map { rows.answers($0..<$0 + 1, ofProbabilities: ofProbabilities, kernel: kernel) }
        #expect(together.losses.map(\.bitPattern) == alone.map { $0.losses[0].bitPattern })
        #expect(together.verdicts == alone.map { $0.verdicts[0] })
        func isSum(_ figure: (Figures) -> Double) -> Bool {
          let (value, sum) = (figure(together.figures), alone.reduce(0) { $0 + figure($1.figures) })
          return value == sum || value.isNaN && sum.isNaN || abs(value - sum) <= 1e-14 * sum.magnitude
        }
        #expect(isSum(\.sum) && isSum(\.weight) && isSum(\.finiteSum) && isSum(\.finiteWeight) && isSum(\.zSum))
        #expect(isSum { Double($0.correctCount) } && isSum { Double($0.invalidCount) })
      }
    }
  }

  #if arch(x86_64)
    @Test("a loss and its verdict are what the definition says", arguments: shapes)
    func defined(count: Int, classCount: Int) {
      for (isSmoothed, ofProbabilities) in [(false, true), (true, true), (true, false)] {
        var rows = Rows(count: count, classCount: classCount, seed: count + 1000)
        rows.options.labelSmoothing = isSmoothed ? 0.1 : 0
        for kernel in kernels {
          let answers = rows.answers(0..<count, ofProbabilities: ofProbabilities, kernel: kernel)
          for row in 0..<count {
            let (verdict, loss) = defined(rows, row, ofProbabilities: ofProbabilities)
            #expect(answers.verdicts[row] == verdict.rawValue)
            if let loss { #expect(ulps(answers.losses[row], loss) <= 3) }
          }
        }
      }
    }

    /// - Returns: the loss where it is finite.
    private func defined(_ rows: Rows, _ row: Int, ofProbabilities: Bool) -> (RowVerdict, Float80?) {
      let logits = rows.logits[row]
      var shares = (0..<rows.classCount).map { Float80(rows.probabilities[row * rows.classCount + $0]) }
      if ofProbabilities {
        let areGood = shares.allSatisfy { $0 >= 0 && $0.isFinite }
        guard areGood, (shares.reduce(0, +) - 1).magnitude <= 1e-3 else { return (.badProbabilities, nil) }
      } else {
        shares = (0..<rows.classCount).map { Int64($0) == rows.labels[row] ? 1 : 0 }
      }
      guard rows.sampleWeights[row] >= 0 else { return (.badWeight, nil) }
      if logits.contains(where: \.isNaN) { return (.nanLogit, nil) }
      if logits.contains(.infinity) { return (.infiniteLogit, nil) }
      guard let maximum = logits.max(), maximum > -.infinity else { return (.allMasked, nil) }
      let smoothing = Float80(rows.options.labelSmoothing)
      let top = exactLoss(logits, label: logits.firstIndex(of: maximum)!)
      let logSumExp = Float80(maximum) + top
      var loss = Float80(rows.options.zLoss) * logSumExp * logSumExp
      for (index, logit) in logits.enumerated() {
        let share = shares[index] * (1 - smoothing) + smoothing / Float80(rows.classCount)
        let coefficient = Float80(rows.classWeights[index]) * share
        guard coefficient != 0 else { continue }
        guard logit > -.infinity else { return (.labelMasked, nil) }
        loss += coefficient * (top + (Float80(maximum) - Float80(logit)))
      }
      return loss > Float80(Float.greatestFiniteMagnitude) ? (.overflow, nil) : (.ok, loss)
    }
  #endif

  @Test("probabilities that sum to 0 make a loss of 0, if the tolerance allows them and the logits are finite")
  func nothing() {
    let rows: [[Float]] = [[1, 2, 3], [1, .nan, 3], [1, .infinity, 3], [-.infinity, -.infinity, -.infinity]]
    let verdicts: [RowVerdict] = [.ok, .nanLogit, .infiniteLogit, .allMasked]
    for kernel in kernels {
      let answers = compute(
        rows, labels: [Float](repeating: 0, count: 12), layout: .probabilities(.f32), kernel: kernel
      ) { $0.labelTolerance = 1 }
      #expect(answers.verdicts == verdicts.map(\.rawValue))
      #expect(answers.losses[0].bitPattern == 0)
    }
  }

  @Test(
    "probabilities of the same values make the same bits in any type", arguments: [1, 2, 7, 10, 65, 192, 193, 2100])
  func types(classCount: Int) {
    var random = SplitMix64(seed: UInt64(classCount))
    let rows = (0..<35).map { _ in random.floats(count: classCount, spread: 3) }
    var shares = [Float](repeating: 0, count: rows.count * classCount)
    for row in rows.indices {
      for eighth in 0..<8 { shares[row * classCount + (row + eighth * eighth) % classCount] += 0.125 }
    }
    for kernel in kernels {
      let floats = compute(rows, labels: shares, layout: .probabilities(.f32), kernel: kernel)
      #expect(floats.verdicts.allSatisfy { $0 == RowVerdict.ok.rawValue })
      let bits = floats.losses.map(\.bitPattern)
      func losses<Share>(_ shares: [Share], _ type: LogitType) -> [UInt32] {
        compute(rows, labels: shares, layout: .probabilities(type), kernel: kernel).losses.map(\.bitPattern)
      }
      #expect(losses(shares.map { Double($0) }, .f64) == bits)
      #expect(losses(shares.map { UInt16($0.bitPattern >> 16) }, .bf16) == bits)
      #expect(losses(shares.map { halfBits($0) }, .f16) == bits)
    }
  }

  /// The f16 of an eighth, or some.
  private func halfBits(_ value: Float) -> UInt16 {
    value == 0 ? 0 : UInt16(value.exponent + 15) << 10 | UInt16((value.significandBitPattern >> 13))
  }
}
