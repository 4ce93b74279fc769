import TestSupport
import Testing

@testable import CrossEntropy

@Suite("Ignored rows")
struct IgnoredRowTests {
  /// Rows, of which some are ignored, some have a bad label, and some of either have bad logits.
  private struct Rows {
    var logits: [[Float]] = []
    var labels: [Int64] = []

    init(count: Int, classCount: Int, using random: inout SplitMix64) {
      var isIgnored = false
      for place in 0..<count {
        var row = random.floats(count: classCount, spread: 4)
        // Runs of either, longer and longer ones: of sixteen and more are some that lanes leave out.
        if Int.random(in: 0..<3 + place / 4, using: &random) == 0 { isIgnored.toggle() }
        if Int.random(in: 0..<5, using: &random) == 0 { row[.random(in: 0..<classCount, using: &random)] = .nan }
        if Int.random(in: 0..<9, using: &random) == 0 { row = row.map { _ in -.infinity } }
        logits.append(row)
        let isBad = Int.random(in: 0..<7, using: &random) == 0
        labels.append(isIgnored ? -100 : isBad ? Int64(classCount) : .random(in: 0..<Int64(classCount), using: &random))
      }
    }
  }

  static let shapes = [
    (1, 2), (40, 2), (300, 10), (50, 65), (200, 192), (50, 193), (40, 300), (40, 1000), (20, 2048), (20, 2049),
    (9, 5000),
    (5, 70_000),
  ]

  @Test("the others' losses are what they are alone, and what is ignored counts nowhere", arguments: shapes)
  func others(count: Int, classCount: Int) {
    var random = SplitMix64(seed: UInt64(count * classCount))
    let rows = Rows(count: count, classCount: classCount, using: &random)
    let counted = rows.labels.indices.filter { rows.labels[$0] != -100 }
    for kernel in kernels {
      for smoothing: Float in [0, 0.1] {
        func answers(_ places: [Int], workerCount: Int = 1, predicts: Bool) -> Answers {
          compute(
            places.map { rows.logits[$0] }, labels: places.map { rows.labels[$0] }, kernel: kernel,
            workerCount: workerCount, predicts: predicts
          ) {
            $0.ignoreIndex = -100
            $0.labelSmoothing = smoothing
            $0.topK = 2
          }
        }
        let alone = answers(counted, predicts: true)
        // Where nothing is asked of their logits, they are not looked at.
        for (workerCount, predicts) in [(1, false), (2, false), (1, true)] {
          let together = answers(Array(rows.labels.indices), workerCount: workerCount, predicts: predicts)
          for (place, row) in counted.enumerated() {
            #expect(together.losses[row].bitPattern == alone.losses[place].bitPattern)
            #expect(together.verdicts[row] == alone.verdicts[place])
          }
          for row in rows.labels.indices where rows.labels[row] == -100 {
            #expect(together.losses[row].bitPattern == 0)
            #expect(together.verdicts[row] == RowVerdict.ignored.rawValue)
          }
          #expect(together.figures.ignoredCount == count - counted.count)
          #expect(together.figures.countedCount == counted.count)
          #expect(together.figures.invalidCount == alone.figures.invalidCount)
          #expect(together.figures.notFiniteCount == alone.figures.notFiniteCount)
          #expect(together.figures.correctCount == alone.figures.correctCount)
          #expect(together.figures.topKCorrectCount == alone.figures.topKCorrectCount)
          #expect(together.figures.finiteWeight == alone.figures.finiteWeight)
          let (sum, sumAlone) = (together.figures.finiteSum, alone.figures.finiteSum)
          #expect(abs(sum - sumAlone) <= 1e-14 * sumAlone)
          #expect(together.figures.firstBadRow?.row == alone.figures.firstBadRow.map { counted[$0.row] })
        }
      }
    }
  }

  @Test("predictions are those of all rows, ignored ones too", arguments: shapes)
  func predictions(count: Int, classCount: Int) {
    var random = SplitMix64(seed: UInt64(count + classCount))
    let rows = Rows(count: count, classCount: classCount, using: &random)
    let zeros = [Int64](repeating: 0, count: count)
    for kernel in kernels {
      let ignoring = compute(rows.logits, labels: rows.labels, kernel: kernel) { $0.ignoreIndex = -100 }
      #expect(ignoring.predictions == compute(rows.logits, labels: zeros, kernel: kernel).predictions)
    }
  }

  @Test("a label is ignored that equals the index, and no other, whatever it is")
  func extremes() {
    let labels: [Int64] = [.min, -2, -1, 0, 1, 2, 1 << 32, .max]
    let rows = labels.map { _ in [Float](repeating: 0, count: 2) }
    for kernel in kernels {
      for ignoreIndex in [nil] + labels.map({ Optional($0) }) {
        let verdicts = compute(rows, labels: labels, kernel: kernel, predicts: false) { $0.ignoreIndex = ignoreIndex }
          .verdicts
        let expected = labels.map { label in
          label == ignoreIndex ? RowVerdict.ignored : label == 0 || label == 1 ? .ok : .labelOutOfRange
        }
        #expect(verdicts == expected.map(\.rawValue))
      }
    }
  }
}
