import XentProtocol

/// What must come back for a batch, computed by the C library's functions, element by element. It shares no code with
/// the daemon.
struct ExpectedBatch: Sendable {
  /// In nats; NaN for a row that is invalid or has no finite loss but by a masked label.
  private(set) var losses: [Double] = []
  private(set) var sum = 0.0
  /// The sum of the losses' absolute values: what the error of `sum` is measured by.
  private(set) var magnitude = 0.0
  private(set) var weight = 0.0
  private(set) var invalid = 0
  private(set) var correct = 0

  init(of batch: PreparedBatch) {
    losses.reserveCapacity(batch.rows)
    switch batch.header.logitsType {
    case .f64: compute(batch, in: WidestReal.self)
    case .f32, .f16, .bf16: compute(batch, in: Double.self)
    }
  }

  private mutating func compute<Real: ReferenceReal>(_ batch: PreparedBatch, in type: Real.Type) {
    var row = ReferenceRow<Real>(classes: batch.classes)
    var total = Real.zero
    for index in 0..<batch.rows {
      row.read(batch, index)
      let loss = row.loss
      total += loss ?? .nan
      losses.append(Double(loss ?? .nan))
      magnitude += abs(Double(loss ?? 0))
      weight += loss == nil ? 0 : 1
      invalid += loss == nil ? 1 : 0
      correct += row.isCorrect ? 1 : 0
    }
    sum = Double(total)
  }
}
