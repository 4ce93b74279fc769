import CrossEntropy
import XentProtocol

/// A batch in memory, written page by page before anything is measured. Kept until the process ends.
struct BenchmarkData {
  let logits: UnsafeRawBufferPointer
  let batch: LossBatch

  init(_ shape: BatchShape, loss: LossArguments) {
    let made = MadeUpData.batches(shape, count: 1, flags: [], seed: 1)[0]
    logits = made.logits
    let losses = UnsafeMutableBufferPointer<Float>.allocate(capacity: shape.rows)
    losses.initialize(repeating: 0)
    // SAFETY: a shape has at least one row and one class, so neither is empty.
    var batch = LossBatch(
      rowCount: shape.rows, classCount: shape.classes, logits: made.logits.baseAddress!,
      logitType: Self.logitType(shape.type), labels: made.labels.baseAddress!,
      labelLayout: Self.labelLayout(shape.labels))
    batch.outputs.losses = UnsafeMutableRawPointer(losses.baseAddress!)
    loss.apply(to: &batch)
    self.batch = batch
  }

  private static func logitType(_ type: LogitsType) -> LogitType {
    switch type {
    case .f32: .f32
    case .f16: .f16
    case .bf16: .bf16
    case .f64: .f64
    }
  }

  /// Of made-up labels.
  private static func labelLayout(_ kind: LabelKind) -> LabelLayout {
    switch kind {
    case .integer: .integers(.i64)
    case .oneHot: .oneHot(.f32)
    case .probabilities: .probabilities(.f32)
    }
  }
}
