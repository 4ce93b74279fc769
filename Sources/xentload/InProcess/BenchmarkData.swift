import CrossEntropy
import Glibc

/// Logits and labels that were written, page by page, before anything is measured. Kept until the process ends.
struct BenchmarkData {
  let logits: UnsafeRawBufferPointer
  let batch: LossBatch

  init(rowCount: Int, classCount: Int, type: LogitType, labels kind: InProcess.LabelKind, loss: LossArguments) {
    var random = SystemRandomNumberGenerator()
    let logits = UnsafeMutableRawBufferPointer.allocate(
      byteCount: rowCount * classCount * type.byteCount, alignment: 64)
    for index in 0..<rowCount * classCount {
      let value = Self.logit(random.next())
      switch type {
      case .f32: logits.storeBytes(of: value, toByteOffset: index * 4, as: Float.self)
      case .f64: logits.storeBytes(of: Double(value), toByteOffset: index * 8, as: Double.self)
      case .f16: logits.storeBytes(of: Float16(value).bitPattern, toByteOffset: index * 2, as: UInt16.self)
      case .bf16:
        logits.storeBytes(of: UInt16(value.bitPattern >> 16), toByteOffset: index * 2, as: UInt16.self)
      }
    }
    self.logits = UnsafeRawBufferPointer(logits)
    let classes = (0..<rowCount).map { _ in Int.random(in: 0..<classCount) }
    let labels: UnsafeRawPointer
    let layout: LabelLayout
    switch kind {
    case .onehot, .probabilities:
      let matrix = UnsafeMutableBufferPointer<Float>.allocate(capacity: rowCount * classCount)
      matrix.initialize(repeating: kind == .onehot ? 0 : 1 / Float(classCount))
      if kind == .onehot {
        for (row, index) in classes.enumerated() { matrix[row * classCount + index] = 1 }
      }
      labels = UnsafeRawPointer(matrix.baseAddress!)
      layout = kind == .onehot ? .oneHot(.f32) : .probabilities(.f32)
    case .integer:
      let indices = UnsafeMutableBufferPointer<Int64>.allocate(capacity: rowCount)
      _ = indices.initialize(from: classes.map { Int64($0) })
      labels = UnsafeRawPointer(indices.baseAddress!)
      layout = .integers(.i64)
    }
    let losses = UnsafeMutableBufferPointer<Float>.allocate(capacity: rowCount)
    losses.initialize(repeating: 0)
    var batch = LossBatch(
      rowCount: rowCount, classCount: classCount, logits: UnsafeRawPointer(logits.baseAddress!), logitType: type,
      labels: labels,
      labelLayout: layout)
    batch.outputs.losses = UnsafeMutableRawPointer(losses.baseAddress!)
    loss.apply(to: &batch)
    self.batch = batch
  }

  /// A sum of four uniform numbers, of standard deviation 3: like a logit, and quickly made.
  private static func logit(_ bits: UInt64) -> Float {
    let sum = (0..<4).reduce(0) { $0 + Int((bits >> (16 * UInt64($1))) & 0xffff) }
    return Float(sum - 2 * 0xffff) * (3 / 37837.0)
  }
}
