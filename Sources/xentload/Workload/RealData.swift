import EvaluationData
import XentProtocol

/// The rows of two `.npy` files as batches, in their order.
enum RealData {
  private static let defaultBatchByteCount = 4 << 20

  /// - Parameter rows: rows in a batch; nil for about 4 MB of them.
  static func workload(logits: String, labels: String, rows: Int?, flags: RequestFlags) throws -> Workload {
    let data = try DataSet(logits: NumpyArray(logits), labels: NumpyArray(labels))
    guard data.rowCount > 0 else { throw DataFileError("\(logits): has no rows") }
    let rowsPerBatch = min(rows ?? max(1, defaultBatchByteCount / data.rowByteCount), data.rowCount)
    var template = RequestHeader()
    template.flags = flags
    if data.wantsFloat64 { template.flags.insert(.float64) }
    let batches = stride(from: 0, to: data.rowCount, by: rowsPerBatch).map { first in
      let batch = data.batch(rows: first..<min(first + rowsPerBatch, data.rowCount), template: template)
      return PreparedBatch(header: batch.header, logits: batch.sections[0], labels: batch.sections[1])
    }
    return Workload(
      description: "\(logits) (\(data.rowCount) x \(data.classCount) \(data.logitsType.name)) with \(labels), "
        + "\(rowsPerBatch) rows a batch",
      batches: batches, groups: [Workload.Group(weight: 1, batches: batches.indices)])
  }
}
