import CrossEntropy

/// A plain sum over memory: what the memory can do at best, for a computation that reads all of it once.
final class StreamingSum {
  private let pool: WorkerPool
  /// One for each worker.
  private let pieces: [UnsafeRawBufferPointer]
  private let sums: UnsafeMutableBufferPointer<UInt64>

  /// - Parameter pool: whose workers read, each a piece of its own.
  init(_ bytes: UnsafeRawBufferPointer, pool: WorkerPool) {
    let threadCount = pool.workerCount
    self.pool = pool
    let length = bytes.count / threadCount / 64 * 64
    pieces = (0..<threadCount).map { UnsafeRawBufferPointer(rebasing: bytes[$0 * length..<($0 + 1) * length]) }
    sums = .allocate(capacity: threadCount)
    sums.initialize(repeating: 0)
  }

  deinit { sums.deallocate() }

  func run() { pool.share(self, itemCount: pieces.count, among: pool.workerCount) }

  /// Integers, because their sum may be formed in any order, and so at the full width of the machine.
  private func sum(_ index: Int) {
    let piece = pieces[index]
    guard let base = piece.baseAddress else { return }
    var lanes = SIMD32<UInt64>(repeating: 0)
    var offset = 0
    while offset + 256 <= piece.count {
      lanes &+= base.loadUnaligned(fromByteOffset: offset, as: SIMD32<UInt64>.self)
      offset += 256
    }
    sums[index] &+= lanes.wrappedSum()
  }
}

extension StreamingSum: SharedWork {
  func perform(item: Int, worker: Int) { sum(item) }
}
