import CrossEntropy
import XentProtocol

/// A batch in memory, written page by page before anything is measured. Kept until the process ends.
struct BenchmarkData {
  let logits: UnsafeRawBufferPointer
  let labels: UnsafeRawBufferPointer
  let batch: LossBatch

  init(_ shape: BatchShape, loss: LossArguments) {
    let made = MadeUpData.batches(shape, count: 1, flags: [], seed: 1)[0]
    logits = made.logits
    labels = made.labels
    let losses = UnsafeMutableBufferPointer<Float>.allocate(capacity: shape.rows)
    losses.initialize(repeating: 0)
    // SAFETY: a shape has at least one row and one class, so neither is empty.
    var batch = LossBatch(
      rowCount: shape.rows, classCount: shape.classes, logits: made.logits.baseAddress!,
      logitType: Self.logitType(shape.type), labels: made.labels.baseAddress!,
      labelLayout: Self.labelLayout(shape))
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

  /// Of made-up labels: a shape has no others.
  private static func labelLayout(_ shape: BatchShape) -> LabelLayout {
    switch (shape.labels, shape.labelType) {
    case (.integer, .u8): .integers(.u8)
    case (.integer, .u16): .integers(.u16)
    case (.integer, .u32): .integers(.u32)
    case (.integer, .i32): .integers(.i32)
    case (.integer, _): .integers(.i64)
    case (.oneHot, .u8): .oneHot(.u8)
    case (.oneHot, .f16): .oneHot(.f16)
    case (.oneHot, .bf16): .oneHot(.bf16)
    case (.oneHot, .f64): .oneHot(.f64)
    case (.oneHot, _): .oneHot(.f32)
    case (.probabilities, .f64): .probabilities(.f64)
    case (.probabilities, _): .probabilities(.f32)
    }
  }
}
