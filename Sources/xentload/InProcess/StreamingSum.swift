import Dispatch

/// A plain sum over memory: what the memory can do at best, for a computation that reads all of it once.
///
/// SAFETY: each thread reads a piece of its own and writes a sum of its own.
final class StreamingSum: @unchecked Sendable {
  private let pieces: [UnsafeRawBufferPointer]
  private let sums: UnsafeMutableBufferPointer<UInt64>

  /// - Parameter threadCount: threads that read at once, each a piece of its own.
  init(_ bytes: UnsafeRawBufferPointer, threadCount: Int) {
    let length = bytes.count / threadCount / 64 * 64
    pieces = (0..<threadCount).map { UnsafeRawBufferPointer(rebasing: bytes[$0 * length..<($0 + 1) * length]) }
    sums = .allocate(capacity: threadCount)
    sums.initialize(repeating: 0)
  }

  deinit { sums.deallocate() }

  func run() {
    if pieces.count == 1 { return sum(0) }
    DispatchQueue.concurrentPerform(iterations: pieces.count) { sum($0) }
  }

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
