/// What became of one row. Where several apply, the lowest number is given.
package enum RowVerdict: UInt8, Sendable, BitwiseCopyable {
  case ok = 0
  /// The label says not to count the row.
  case ignored = 1
  case labelOutOfRange = 2
  case notOneHot = 3
  /// A probability is negative or not finite, or they do not add up to 1.
  case badProbabilities = 4
  case badWeight = 5
  case nanLogit = 16
  /// A logit is +infinity.
  case infiniteLogit = 17
  /// Every logit is -infinity.
  case allMasked = 18
  /// A class that the label gives weight to has the logit -infinity, another is finite.
  case labelMasked = 19
  /// The loss is finite, but too large for the type of the results.
  case overflow = 20

  /// Whether the row's label or weight is at fault.
  var isInvalid: Bool {
    switch self {
    case .labelOutOfRange, .notOneHot, .badProbabilities, .badWeight: true
    default: false
    }
  }
}
