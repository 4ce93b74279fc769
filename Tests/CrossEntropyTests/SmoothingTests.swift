import TestSupport
import Testing

@testable import CrossEntropy

@Suite("Smoothed labels, and the k largest logits")
struct SmoothingTests {
  static let classCounts = [1, 2, 3, 15, 16, 17, 33, 64, 65, 191, 192, 193, 1000, 2048, 2049, 70_000]

  private func batch(classCount: Int, using random: inout SplitMix64) -> (rows: [[Float]], labels: [Int]) {
    let rows = (0..<(classCount > 10_000 ? 3 : 37)).map { _ in random.floats(count: classCount, spread: 4) }
    return (rows, rows.map { _ in Int.random(in: 0..<classCount, using: &random) })
  }

  #if arch(x86_64)
    @Test("a part of the loss is the mean of the losses of all classes", arguments: classCounts)
    func smoothed(classCount: Int) {
      var random = SplitMix64(seed: UInt64(classCount))
      let (rows, labels) = batch(classCount: classCount, using: &random)
      let smoothing: Float = 0.1
      let exact = zip(rows, labels).map { row, label in
        let loss = exactLoss(row, label: label)
        let mean = row.reduce(Float80(0)) { $0 + (Float80(row[label]) - Float80($1)) } / Float80(classCount) + loss
        return (1 - Float80(smoothing)) * loss + Float80(smoothing) * mean
      }
      for kernel in kernels {
        func losses(_ range: Range<Int>) -> [Float] {
          compute(Array(rows[range]), labels: labels[range].map { Int64($0) }, kernel: kernel) {
            $0.labelSmoothing = smoothing
          }.losses
        }
        let together = losses(rows.indices)
        for (row, loss) in together.enumerated() {
          #expect(ulps(loss, exact[row]) <= 2.5)
          #expect(losses(row..<row + 1)[0].bitPattern == loss.bitPattern)
        }
      }
    }
  #endif

  @Test("a class that is masked makes the smoothed loss infinite, and is told", arguments: [2, 10, 65, 192, 193, 3000])
  func masked(classCount: Int) {
    var random = SplitMix64(seed: UInt64(classCount))
    var (rows, labels) = batch(classCount: classCount, using: &random)
    for row in stride(from: 0, to: rows.count, by: 5) { rows[row][(labels[row] + 1) % classCount] = -.infinity }
    for kernel in kernels {
      let answers = compute(rows, labels: labels.map { Int64($0) }, kernel: kernel) { $0.labelSmoothing = 0.1 }
      for row in rows.indices {
        #expect(answers.losses[row].isFinite == (row % 5 != 0))
        #expect(answers.verdicts[row] == (row % 5 == 0 ? RowVerdict.labelMasked : .ok).rawValue)
      }
    }
  }

  @Test(
    "a logit that its temperature makes -infinity is masked, one that it leaves finite is not",
    arguments: [2, 65, 193, 3000])
  func maskedByTemperature(classCount: Int) {
    var row = [Float](repeating: 0, count: classCount)
    row[classCount - 1] = -3e38
    for kernel in kernels {
      for (temperature, verdict) in [(Float(0.5), RowVerdict.labelMasked), (1, .ok), (2, .ok)] {
        let answers = compute([row], labels: [Int64(0)], kernel: kernel) {
          $0.labelSmoothing = 0.1
          $0.temperature = temperature
        }
        #expect(answers.verdicts == [verdict.rawValue])
      }
    }
  }

  @Test(
    "a row counts where fewer than k logits are greater than its label's", arguments: [2, 10, 65, 192, 193, 1000, 2049])
  func topK(classCount: Int) {
    var random = SplitMix64(seed: UInt64(classCount))
    let (rows, labels) = batch(classCount: classCount, using: &random)
    for k in [1, 2, 5, classCount / 2, classCount] where k > 0 {
      let expected = zip(rows, labels).filter { row, label in row.filter { $0 > row[label] }.count < k }.count
      for kernel in kernels {
        let answers = compute(rows, labels: labels.map { Int64($0) }, kernel: kernel) { $0.topK = k }
        #expect(answers.figures.topKCorrectCount == expected)
      }
    }
  }

  @Test(
    "ties are among the k largest, masked labels and rows that do not count are not", arguments: [2, 10, 65, 192, 193])
  func topKOfOddRows(classCount: Int) {
    var ties = [Float](repeating: 0, count: classCount)
    ties[classCount - 1] = 1
    var masked = ties
    masked[0] = -.infinity
    var holdsNaN = ties
    holdsNaN[classCount - 1] = .nan
    // Each kind of row stands in each lane.
    let kinds: [(row: [Float], label: Int64, isIn: (Int) -> Bool)] = [
      (ties, 0, { $0 >= 2 }), (ties, Int64(classCount - 1), { $0 >= 1 }), (masked, 0, { _ in false }),
      (holdsNaN, 0, { _ in false }), (ties, -100, { _ in false }), (ties, Int64(classCount), { _ in false }),
    ]
    let rows = (0..<101).map { kinds[$0 * $0 % 7 % kinds.count] }
    for k in [1, 2, 3, classCount, 255] {
      let expected = rows.filter { $0.isIn(k) }.count
      for kernel in kernels {
        for type in [LogitType.f32, .f64] {
          let logits = rows.flatMap(\.row)
          let labels = rows.map(\.label)
          let count = labels.withUnsafeBytes { labels in
            func count<Logit>(_ logits: [Logit]) -> Int {
              logits.withUnsafeBytes { logits in
                let round = Round(workerCount: 1, kernel: kernel)
                var batch = LossBatch(
                  rowCount: rows.count, classCount: classCount, logits: logits.baseAddress!, logitType: type,
                  labels: labels.baseAddress!, labelLayout: .integers(.i64))
                batch.options.topK = k
                batch.options.ignoreIndex = -100
                let place = round.add(batch)
                round.compute()
                return round.figures(ofBatch: place).topKCorrectCount
              }
            }
            return type == .f32 ? count(logits) : count(logits.map { Double($0) })
          }
          #expect(count == expected)
        }
      }
    }
  }
}
