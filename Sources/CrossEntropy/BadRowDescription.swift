extension LossBatch {
  /// What is wrong with a row, and what to do, for the reader of a log or an exception.
  package func description(of badRow: Figures.BadRow) -> String {
    "row \(badRow.row): \(reason(badRow))"
  }

  private func reason(_ badRow: Figures.BadRow) -> String {
    switch badRow.verdict {
    case .labelOutOfRange: labelOutOfRange(row: badRow.row)
    case .notOneHot: notOneHot(row: badRow.row)
    case .badWeight: "sample weight \(sampleWeight(row: badRow.row)) is not a finite number of at least 0"
    case .nanLogit: "the logit of class \(firstClass(ofRow: badRow.row) { $0.isNaN }) is NaN"
    case .infiniteLogit: "the logit of class \(firstClass(ofRow: badRow.row) { $0 == .infinity }) is +infinity"
    case .allMasked: "every logit is -infinity"
    case .labelMasked: "the logit of its label is -infinity, so its loss is infinite"
    case .overflow: "its loss is too large for f32; ask for f64 results"
    case .ok, .ignored: "nothing is wrong"
    }
  }

  private func labelOutOfRange(row: Int) -> String {
    guard case .integers(let type) = labelLayout else { return "the label is out of range" }
    return "label \(integerLabel(at: labels + row * type.byteCount, type: type)) is not in 0..<\(classCount)"
  }

  private func notOneHot(row: Int) -> String {
    guard case .oneHot(let type) = labelLayout else { return "the label is not one-hot" }
    let pattern = type.pattern
    let elements = labels + row * classCount * type.elementByteCount
    let scan = Kernel.baseline.scanOneHot(elements, classCount, 0, pattern)
    return "a one-hot label has one element that is 1 and others that are 0; "
      + "this has \(scan.oneCount) that are 1 and \(scan.otherCount) that are neither"
  }

  private func sampleWeight(row: Int) -> Float {
    options.sampleWeights?.loadUnaligned(fromByteOffset: row * 4, as: Float.self) ?? 1
  }

  private func firstClass(ofRow index: Int, where isBad: (Double) -> Bool) -> Int {
    (0..<classCount).first { isBad(logitType.logit($0, of: row(index))) } ?? 0
  }
}
