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
}

extension RowLoss {
  /// The loss of a row whose label or weight cannot be used.
  init(invalid verdict: RowVerdict) {
    self.init(value: .nan, verdict: verdict, sampleWeight: 0, weight: 0, zTerm: 0, isCorrect: false)
  }

  /// The loss of a row with a label.
  ///
  /// `(maximum - logit) + log1p(sum of the others)`, never `logSumExp - logit`: both terms are at least 0, so nothing
  /// cancels, and a loss of 1e-20 is 1e-20.
  ///
  /// - Parameters:
  ///   - summary: of the row's logits.
  ///   - label: the row's class.
  ///   - labelLogit: the logit of that class.
  ///   - weights: the row's sample weight and the class weight of its label.
  ///   - zLoss: what `logSumExp^2` is multiplied by.
  ///   - largest: the largest finite value of the results' type.
  init(
    _ summary: RowSummary, label: Int, labelLogit: Double, weights: (sample: Double, class: Double), zLoss: Double,
    largest: Double
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
      // A coefficient of 0 contributes 0, also to an infinite loss.
      value = weights.class == 0 ? zTerm : weights.class * ((summary.maximum - labelLogit) + summary.logSum) + zTerm
      if weights.class != 0, labelLogit == -.infinity {
        verdict = .labelMasked
      } else if value > largest {
        verdict = .overflow
      }
    }
    self.init(
      value: value, verdict: verdict, sampleWeight: weights.sample, weight: weights.sample * weights.class,
      zTerm: zTerm, isCorrect: verdict != .nanLogit && summary.argmax == Int64(label))
  }
}

extension RowSummary {
  /// NaN with a NaN logit, +infinity with an infinite one, -infinity where every class is masked.
  var logSumExp: Double { maximum + logSum }
}
