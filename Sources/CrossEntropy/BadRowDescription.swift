import CKernelShims

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
    case .badProbabilities: badProbabilities(row: badRow.row)
    case .infiniteLogit: "the logit of class \(firstClass(ofRow: badRow.row) { $0 == .infinity }) is +infinity"
    case .allMasked: "every logit is -infinity"
    case .labelMasked: labelMasked(row: badRow.row)
    case .overflow:
      outputs.isFloat64 ? "its loss is too large for f64" : "its loss is too large for f32; ask for f64 results"
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
      + (scan.otherCount > 0 ? "; soft labels are to be sent as probabilities" : "")
  }

  private func badProbabilities(row: Int) -> String {
    guard case .probabilities(let type) = labelLayout else { return "the probabilities are bad" }
    let elements = labels + row * classCount * type.byteCount
    func probability(_ index: Int) -> Double { type.logit(index, of: elements) }
    if let bad = (0..<classCount).first(where: { !(probability($0) >= 0 && probability($0).isFinite) }) {
      return "the probability of class \(bad) is \(probability(bad)); it must be finite and at least 0"
    }
    let sum = (0..<classCount).reduce(0) { $0 + probability($1) }
    return "its probabilities add up to \(sum), which is not within \(options.labelTolerance) of 1"
  }

  private func labelMasked(row: Int) -> String {
    if case .integers = labelLayout, options.labelSmoothing == 0 {
      return "the logit of its label is -infinity, so its loss is infinite"
    }
    return "the logit of class \(firstClass(ofRow: row) { $0 == -.infinity }) is -infinity and the label gives it "
      + "weight, so the loss is infinite"
  }

  private func sampleWeight(row: Int) -> Float {
    options.sampleWeights?.loadUnaligned(fromByteOffset: row * 4, as: Float.self) ?? 1
  }

  private func firstClass(ofRow index: Int, where isBad: (Double) -> Bool) -> Int {
    let transform = options.transform
    return (0..<classCount).first {
      isBad(Kernel.baseline.transformed(logitType.logit($0, of: row(index)), logitType.format, transform))
    } ?? 0
  }
}
