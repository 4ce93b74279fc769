import XentProtocol

/// Shapes of made-up batches, and how often each is sent.
struct ShapeMix {
  let shapes: [(shape: BatchShape, weight: Double)]

  init(shapes: [(shape: BatchShape, weight: Double)]) { self.shapes = shapes }

  init(_ shape: BatchShape) { self.init(shapes: [(shape, 1)]) }

  func workload(flags: RequestFlags, seed: UInt64) -> Workload {
    var batches: [PreparedBatch] = []
    var groups: [Workload.Group] = []
    for (index, entry) in shapes.enumerated() {
      let count = max(1, MadeUpData.batchCount(requestByteCount: entry.shape.requestByteCount) / shapes.count)
      let first = batches.count
      batches += MadeUpData.batches(entry.shape, count: count, flags: flags, seed: seed &+ UInt64(index))
      groups.append(Workload.Group(weight: entry.weight, batches: first..<batches.count))
    }
    let names = shapes.map { shapes.count == 1 ? $0.shape.description : "\($0.shape.description) x \($0.weight)" }
    return Workload(description: names.joined(separator: "; "), batches: batches, groups: groups)
  }
}
