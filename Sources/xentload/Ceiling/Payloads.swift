/// What is sent in a measurement of the ceiling: one message after the other, of as many different ones as a run has batches, so that the
/// sender finds no more of them in its cache than a run's does.
struct Payloads: ~Copyable {
  private let memory: UnsafeMutableRawBufferPointer
  private let byteCount: Int
  private let count: Int

  /// - Parameter byteCount: of each.
  init(byteCount: Int) {
    self.byteCount = byteCount
    count = MadeUpData.batchCount(requestByteCount: byteCount)
    memory = .allocate(byteCount: count * byteCount, alignment: 64)
    memory.initializeMemory(as: UInt8.self, repeating: 1)
  }

  deinit { memory.deallocate() }

  /// - Returns: bytes that stay until the payloads are let go.
  subscript(turn: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: memory[(turn % count * byteCount)...].prefix(byteCount))
  }
}
