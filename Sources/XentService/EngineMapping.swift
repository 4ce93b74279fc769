import CrossEntropy
import XentProtocol

// The one place where the wire's terms become the computation's, and back.

extension LossBatch {
  /// A batch whose inputs lie in `frames` and whose answers go where `layout` has them in a result at `result`.
  init(_ request: Request, _ frames: RequestFrames, layout: ResultLayout, result: UnsafeMutableRawPointer) {
    let header = request.header
    var options = LossOptions()
    options.ignoreIndex = header.flags.contains(.ignore) ? header.ignoreIndex : nil
    options.ignoresZeroRows = header.flags.contains(.zeroRowIgnored)
    options.zLoss = header.zLoss
    options.temperature = header.temperature == 0 ? 1 : header.temperature
    options.softcap = header.softcap
    options.labelSmoothing = header.labelSmoothing
    if header.labelTolerance != 0 { options.labelTolerance = header.labelTolerance }
    options.topK = Int(header.topK)
    options.sampleWeights = request.place(of: .sampleWeights).map { frames.pointer(to: $0) }
    options.classWeights = request.place(of: .classWeights).map { frames.pointer(to: $0) }
    var outputs = LossOutputs()
    outputs.isFloat64 = header.flags.contains(.float64)
    outputs.losses = layout.lossesOffset.map { result + $0 }
    outputs.logSumExps = layout.logSumExpsOffset.map { result + $0 }
    outputs.predictions = layout.predictionsOffset.map { result + $0 }
    outputs.verdicts = layout.verdictsOffset.map { result + $0 }
    self.init(
      rowCount: Int(header.rows), classCount: Int(header.classes),
      logits: frames.pointer(to: request.place(of: .logits)!), logitType: LogitType(header.logitsType),
      labels: frames.pointer(to: request.place(of: .labels)!),
      labelLayout: LabelLayout(header.labelKind, header.labelType), options: options, outputs: outputs)
  }
}

extension LogitType {
  init(_ type: LogitsType) {
    switch type {
    case .f32: self = .f32
    case .f16: self = .f16
    case .bf16: self = .bf16
    case .f64: self = .f64
    }
  }
}

extension LabelLayout {
  /// The layout of labels that a parsed request can have: others were refused.
  init(_ kind: LabelKind, _ type: LabelType) {
    switch (kind, type) {
    case (.integer, .u8): self = .integers(.u8)
    case (.integer, .u16): self = .integers(.u16)
    case (.integer, .u32): self = .integers(.u32)
    case (.integer, .i32): self = .integers(.i32)
    case (.integer, .i64): self = .integers(.i64)
    case (.oneHot, .u8): self = .oneHot(.u8)
    case (.oneHot, .f16): self = .oneHot(.f16)
    case (.oneHot, .bf16): self = .oneHot(.bf16)
    case (.oneHot, .f32): self = .oneHot(.f32)
    case (.oneHot, .f64): self = .oneHot(.f64)
    case (.probabilities, .f16): self = .probabilities(.f16)
    case (.probabilities, .bf16): self = .probabilities(.bf16)
    case (.probabilities, .f32): self = .probabilities(.f32)
    case (.probabilities, .f64): self = .probabilities(.f64)
    default: preconditionFailure("a request with \(kind) labels of \(type) is refused when it is parsed")
    }
  }
}

extension ResultHeader {
  /// The header of a computed batch, but for times and instance.
  init(figures: Figures, request: RequestHeader, isDraining: Bool) {
    self.init(answering: request)
    flags = ResultFlags(sectionsOf: request.flags)
    sum = figures.sum
    weight = figures.weight
    mean = figures.mean
    finiteSum = figures.finiteSum
    finiteWeight = figures.finiteWeight
    zSum = figures.zSum
    counted = UInt32(figures.countedCount)
    ignored = UInt32(figures.ignoredCount)
    invalid = UInt32(figures.invalidCount)
    notFinite = UInt32(figures.notFiniteCount)
    correct = UInt32(figures.correctCount)
    topKCorrect = UInt32(figures.topKCorrectCount)
    if let badRow = figures.firstBadRow { firstBadRow = UInt32(badRow.row) }
    if request.rows == 0 { notes.insert(.noRows) }
    if figures.countedCount == 0 { notes.insert(.noCountedRows) }
    if figures.invalidCount > 0 { notes.insert(.someRowsInvalid) }
    if figures.notFiniteCount > 0 { notes.insert(.someLossesNotFinite) }
    if isDraining { notes.insert(.draining) }
  }
}
