import CKernelShims

/// What a batch, or a run of its rows, comes to. Figures of consecutive runs merge.
package struct Figures: Sendable, BitwiseCopyable {
  private var plain = PlainFigures()
  private var weightedLosses = ExactSum()
  private var weights = ExactSum()
  private var finiteWeightedLosses = ExactSum()
  private var finiteWeights = ExactSum()
  private var weightedZTerms = ExactSum()
  /// Rows that are not ignored.
  package private(set) var countedCount = 0
  package private(set) var ignoredCount = 0
  /// Counted rows with a bad label or weight.
  package private(set) var invalidCount = 0
  /// Counted rows whose loss is not finite in the type of the results, invalid ones included.
  package private(set) var notFiniteCount = 0
  /// Counted rows whose largest logit is the label's.
  package private(set) var correctCount = 0
  /// Counted rows whose label is among the k largest logits, where that is asked.
  package private(set) var topKCorrectCount = 0
  /// The first row that is invalid or not finite.
  package private(set) var firstBadRow: BadRow?

  package init() {}

  /// A row that the figures should not hide.
  package struct BadRow: Sendable, Equatable, BitwiseCopyable {
    package let row: Int
    package let verdict: RowVerdict
  }

  /// Sum of weight times loss over counted rows.
  package var sum: Double { plain.losses.value(plus: weightedLosses) }
  /// Sum of the weights of counted rows.
  package var weight: Double { Double(plain.count) + weights.value }
  /// `sum` over the rows whose loss is finite.
  package var finiteSum: Double { plain.losses.value(plus: finiteWeightedLosses) }
  /// `weight` over the rows whose loss is finite.
  package var finiteWeight: Double { Double(plain.count) + finiteWeights.value }
  /// The part of `finiteSum` that the z-loss made.
  package var zSum: Double { weightedZTerms.value }
  /// `sum / weight`; NaN where the weight is 0.
  package var mean: Double { weight == 0 ? .nan : sum / weight }

  mutating func addIgnored() { ignoredCount += 1 }

  /// Of rows that are added together, those whose label is among the k largest logits.
  mutating func addTopKCorrect(_ count: Int) { topKCorrectCount += count }

  /// Adds rows whose losses are finite, or that are ignored.
  /// - Parameter areWeighted: whether they may weigh something else than 1.
  mutating func add(_ rows: OrdinarySums, areWeighted: Bool) {
    if areWeighted {
      weightedLosses.add(rows.losses)
      finiteWeightedLosses.add(rows.losses)
      weights.add(rows.weights)
      finiteWeights.add(rows.weights)
    } else {
      plain.add(rows)
    }
    weightedZTerms.add(rows.zTerms)
    countedCount += Int(rows.count)
    ignoredCount += Int(rows.ignoredCount)
    correctCount += Int(rows.correctCount)
  }

  /// Adds a counted row.
  mutating func add(_ loss: RowLoss, row: Int) {
    countedCount += 1
    if loss.isCorrect { correctCount += 1 }
    if loss.isInTopK { topKCorrectCount += 1 }
    if loss.verdict != .ok {
      notFiniteCount += 1
      if firstBadRow == nil { firstBadRow = BadRow(row: row, verdict: loss.verdict) }
    }
    guard !loss.verdict.isInvalid else {
      invalidCount += 1
      weightedLosses.add(.nan)
      return
    }
    weights.add(loss.weight)
    // A row of weight 0 adds exactly 0, whatever its loss.
    guard loss.sampleWeight != 0 else { return }
    weightedLosses.add(loss.sampleWeight, times: loss.value)
    guard loss.verdict == .ok else { return }
    finiteWeightedLosses.add(loss.sampleWeight, times: loss.value)
    finiteWeights.add(loss.weight)
    weightedZTerms.add(loss.sampleWeight, times: loss.zTerm)
  }

  /// Adds the figures of the rows that follow these.
  mutating func merge(_ next: Figures) {
    plain.merge(next.plain)
    weightedLosses.merge(next.weightedLosses)
    weights.merge(next.weights)
    finiteWeightedLosses.merge(next.finiteWeightedLosses)
    finiteWeights.merge(next.finiteWeights)
    weightedZTerms.merge(next.weightedZTerms)
    countedCount += next.countedCount
    ignoredCount += next.ignoredCount
    invalidCount += next.invalidCount
    notFiniteCount += next.notFiniteCount
    correctCount += next.correctCount
    topKCorrectCount += next.topKCorrectCount
    if firstBadRow == nil { firstBadRow = next.firstBadRow }
  }
}

/// What rows come to that count once and whose loss is finite, which are almost all: they need one sum, not five.
struct PlainFigures: Sendable, BitwiseCopyable {
  private(set) var losses = ExactSum()
  private(set) var count = 0

  mutating func add(_ rows: OrdinarySums) {
    losses.add(rows.losses)
    count += Int(rows.count)
  }

  mutating func merge(_ next: PlainFigures) {
    losses.merge(next.losses)
    count += next.count
  }
}
