import CKernelShims

/// The loss of one counted row, with all that the figures need of it.
struct RowLoss {
  /// In nats, not yet rounded to the type of the results; NaN or infinite as the verdict says.
  let value: Double
  /// Not `.ignored`.
  let verdict: RowVerdict
  /// The sample weight, or 1.
  let sampleWeight: Double
  /// The sample weight times the weight of the label's class: what the row counts in the mean.
  let weight: Double
  /// The part of `value` that the z-loss made.
  let zTerm: Double
  let isCorrect: Bool
  let isInTopK: Bool
}

extension RowLoss {
  /// The loss of a row whose label or weight cannot be used.
  init(invalid verdict: RowVerdict) {
    self.init(value: .nan, verdict: verdict, sampleWeight: 0, weight: 0, zTerm: 0, isCorrect: false, isInTopK: false)
  }

  /// The loss of a row with a good label.
  ///
  /// - Parameters:
  ///   - summary: of the row's logits.
  ///   - label: the row's class; of probabilities, that of the largest.
  ///   - term: what the label makes of the loss.
  ///   - weights: the row's sample weight, and the class weight that it counts with in the mean.
  ///   - zLoss: what `logSumExp^2` is multiplied by.
  ///   - largest: the largest finite value of the results' type.
  ///   - isInTopK: whether the label is among the k largest logits.
  init(
    _ summary: RowSummary, label: Int, term: LabelTerm, weights: (sample: Double, class: Double), zLoss: Double,
    largest: Double, isInTopK: Bool
  ) {
    var verdict = RowVerdict.ok
    var value = Double.nan
    var zTerm = 0.0
    if summary.maximum.isNaN {
      verdict = .nanLogit
    } else if summary.maximum == .infinity {
      verdict = .infiniteLogit
    } else if summary.maximum == -.infinity {
      verdict = .allMasked
    } else {
      if zLoss != 0 { zTerm = zLoss * (summary.logSumExp * summary.logSumExp) }
      value = term.value + zTerm
      if term.isMasked {
        verdict = .labelMasked
      } else if value > largest {
        verdict = .overflow
      }
    }
    self.init(
      value: value, verdict: verdict, sampleWeight: weights.sample, weight: weights.sample * weights.class,
      zTerm: zTerm, isCorrect: verdict != .nanLogit && summary.argmax == Int64(label), isInTopK: isInTopK)
  }
}

/// What a label makes of a row's loss.
///
/// Of differences from the maximum and log1p of the sum of the others, never of `logSumExp - logit`: all terms are at least
/// 0, so nothing cancels, and a loss of 1e-20 is 1e-20.
struct LabelTerm {
  var value: Double
  /// Whether a class that the label gives weight to has the logit -infinity.
  var isMasked: Bool

  /// Of a row that has no finite maximum.
  static let none = LabelTerm(value: .nan, isMasked: false)
}

extension RowSummary {
  /// NaN with a NaN logit, +infinity with an infinite one, -infinity where every class is masked.
  var logSumExp: Double { maximum + logSum }
}
