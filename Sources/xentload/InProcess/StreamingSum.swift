import CrossEntropy

/// A plain sum over memory: what the memory can do at best, for a computation that reads all of it once.
final class StreamingSum {
  private let pool: WorkerPool
  /// One of each area for each worker.
  private let pieces: [[UnsafeRawBufferPointer]]
  private let sums: UnsafeMutableBufferPointer<UInt64>

  /// - Parameter pool: whose workers read, each a piece of its own of each area.
  init(_ areas: [UnsafeRawBufferPointer], pool: WorkerPool) {
    let threadCount = pool.workerCount
    self.pool = pool
    pieces = (0..<threadCount).map { thread in
      areas.map { bytes in
        let length = bytes.count / threadCount / 64 * 64
        return UnsafeRawBufferPointer(rebasing: bytes[thread * length..<(thread + 1) * length])
      }
    }
    sums = .allocate(capacity: threadCount)
    sums.initialize(repeating: 0)
  }

  deinit { sums.deallocate() }

  func run() { pool.share(self, itemCount: pieces.count, among: pool.workerCount) }

  /// Integers, because their sum may be formed in any order, and so at the full width of the machine.
  private static func sum(_ piece: UnsafeRawBufferPointer) -> UInt64 {
    guard let base = piece.baseAddress else { return 0 }
    var lanes = SIMD32<UInt64>(repeating: 0)
    var offset = 0
    while offset + 256 <= piece.count {
      lanes &+= base.loadUnaligned(fromByteOffset: offset, as: SIMD32<UInt64>.self)
      offset += 256
    }
    return lanes.wrappedSum()
  }
}

extension StreamingSum: SharedWork {
  func perform(item: Int, worker: Int) {
    for piece in pieces[item] { sums[item] &+= Self.sum(piece) }
  }
}
