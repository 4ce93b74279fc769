import Glibc
import XentProtocol

/// What a data set comes to: the figures of its batches, merged in any order to the same bits. Means are not averaged: sums are
/// added, exactly.
package struct Evaluation: Sendable {
  private var sumTerms = ExactSum()
  private var weightTerms = ExactSum()
  private var finiteSumTerms = ExactSum()
  private var finiteWeightTerms = ExactSum()
  private var zTerms = ExactSum()
  package private(set) var rowCount = 0
  package private(set) var countedCount = 0
  package private(set) var ignoredCount = 0
  package private(set) var invalidCount = 0
  package private(set) var notFiniteCount = 0
  package private(set) var correctCount = 0
  package private(set) var topKCorrectCount = 0
  /// The first row, counted through all batches, that is invalid or not finite, and why, as the daemon says it.
  package private(set) var firstBadRow: (row: Int, reason: String)?

  package init() {}

  /// Adds the figures of a batch whose first row is `firstRow` of the whole.
  package mutating func add(_ header: ResultHeader, firstRow: Int, message: String?) {
    sumTerms.add(header.sum)
    weightTerms.add(header.weight)
    finiteSumTerms.add(header.finiteSum)
    finiteWeightTerms.add(header.finiteWeight)
    zTerms.add(header.zSum)
    rowCount += Int(header.rows)
    countedCount += Int(header.counted)
    ignoredCount += Int(header.ignored)
    invalidCount += Int(header.invalid)
    notFiniteCount += Int(header.notFinite)
    correctCount += Int(header.correct)
    topKCorrectCount += Int(header.topKCorrect)
    guard header.firstBadRow != ResultHeader.noRow else { return }
    let row = firstRow + Int(header.firstBadRow)
    if let known = firstBadRow, known.row <= row { return }
    // The daemon counts rows from the batch's first.
    let reason = message?.split(separator: ": ", maxSplits: 1).last.map(String.init)
    firstBadRow = (row, reason ?? "is invalid or not finite")
  }

  package var sum: Double { sumTerms.value }
  package var weight: Double { weightTerms.value }
  package var finiteSum: Double { finiteSumTerms.value }
  package var finiteWeight: Double { finiteWeightTerms.value }
  /// The part of `finiteSum` that the z-loss made.
  package var zSum: Double { zTerms.value }
  /// Nats; NaN where no row counts or a row is invalid.
  package var mean: Double { weight == 0 ? .nan : sum / weight }
  /// The mean over the rows whose loss is finite.
  package var finiteMean: Double {
    finiteWeight == 0 ? .nan : finiteSum / finiteWeight
  }
  package var perplexity: Double { exp(mean) }
  /// Counted rows whose loss is finite.
  package var finiteCount: Int { countedCount - notFiniteCount }
  /// The part of the counted rows whose largest logit is the label's.
  package var accuracy: Double { partOfCounted(correctCount) }
  /// The part of the counted rows whose label is among the k largest logits.
  package var topKAccuracy: Double { partOfCounted(topKCorrectCount) }

  private func partOfCounted(_ count: Int) -> Double { countedCount == 0 ? .nan : Double(count) / Double(countedCount) }
}
