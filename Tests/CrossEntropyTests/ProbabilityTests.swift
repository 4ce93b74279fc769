import TestSupport
import Testing

@testable import CrossEntropy

@Suite("Probabilities as labels")
struct ProbabilityTests {
  static let classCounts = [1, 2, 15, 16, 17, 63, 64, 65, 191, 192, 193, 1000, 2047, 2048, 2049, 5000]

  /// A row of logits and one of probabilities.
  private func row(classCount: Int, using random: inout SplitMix64) -> (logits: [Float], shares: [Float]) {
    let logits = random.floats(count: classCount, spread: 4)
    let weights = (0..<classCount).map { _ in Float.random(in: 0...1, using: &random) }
    let total = weights.reduce(0, +)
    return (logits, weights.map { $0 / total })
  }

  private func verdict(_ logits: [Float], _ shares: [Float], kernel: Kernel) -> UInt8 {
    compute([logits], labels: shares, layout: .probabilities(.f32), kernel: kernel).verdicts[0]
  }

  #if arch(x86_64)
    @Test("a loss is the losses of all classes, weighted", arguments: classCounts)
    func weighted(classCount: Int) {
      var random = SplitMix64(seed: UInt64(classCount))
      for kernel in kernels {
        let rows = (0..<5).map { _ in row(classCount: classCount, using: &random) }
        let losses = compute(
          rows.map(\.logits), labels: rows.flatMap(\.shares), layout: .probabilities(.f32), kernel: kernel
        ).losses
        for (row, loss) in zip(rows, losses) {
          let first = exactLoss(row.logits, label: 0)
          let exact = zip(row.logits, row.shares).reduce(Float80(0)) { sum, pair in
            sum + Float80(pair.1) * (first + (Float80(row.logits[0]) - Float80(pair.0)))
          }
          #expect(ulps(loss, exact) <= 2)
        }
      }
    }
  #endif

  @Test("a masked class counts for nothing where its probability is 0, wherever it stands", arguments: classCounts)
  func masked(classCount: Int) {
    guard classCount > 1 else { return }
    var random = SplitMix64(seed: UInt64(classCount))
    var (logits, shares) = row(classCount: classCount, using: &random)
    for place in Set([0, classCount / 2, classCount - 1]) {
      let (logit, share) = (logits[place], shares[place])
      logits[place] = -.infinity
      for kernel in kernels {
        let isShared = share == 0 ? RowVerdict.ok : .labelMasked
        #expect(verdict(logits, shares, kernel: kernel) == isShared.rawValue)
        shares[place] = 0
        shares[place == 0 ? 1 : 0] += share
        let answers = compute([logits], labels: shares, layout: .probabilities(.f32), kernel: kernel)
        #expect(answers.verdicts == [RowVerdict.ok.rawValue] && answers.losses[0].isFinite)
        shares[place == 0 ? 1 : 0] -= share
        shares[place] = share
      }
      logits[place] = logit
    }
  }

  @Test("what is no probability is told, wherever it stands", arguments: classCounts)
  func bad(classCount: Int) {
    var random = SplitMix64(seed: UInt64(classCount))
    var (logits, shares) = row(classCount: classCount, using: &random)
    for place in Set([0, classCount / 3, classCount / 2, classCount - 1]) {
      let share = shares[place]
      for value in [-1e-6, Float.nan, .infinity, -.infinity, share + 0.01] {
        shares[place] = value
        for kernel in kernels {
          #expect(verdict(logits, shares, kernel: kernel) == RowVerdict.badProbabilities.rawValue)
        }
      }
      shares[place] = share
    }
    logits[0] = .nan
    #expect(verdict(logits, shares, kernel: .best) == RowVerdict.nanLogit.rawValue)
  }

  @Test("a row is correct where its largest logit is that of the first largest probability", arguments: classCounts)
  func correct(classCount: Int) {
    for place in Set([0, classCount / 3, classCount / 2, classCount - 1]) {
      var logits = [Float](repeating: 0, count: classCount)
      logits[place] = 1
      var shares = [Float](repeating: 0, count: classCount)
      shares[place] = 0.5
      shares[classCount - 1] += 0.5
      for kernel in kernels {
        func correctCount() -> Int {
          compute([logits], labels: shares, layout: .probabilities(.f32), kernel: kernel).figures.correctCount
        }
        #expect(correctCount() == 1)
        guard place > 0 else { continue }
        (shares[place], shares[0]) = (shares[0], shares[place])
        #expect(correctCount() == 0)
        (shares[place], shares[0]) = (shares[0], shares[place])
      }
    }
  }
}
