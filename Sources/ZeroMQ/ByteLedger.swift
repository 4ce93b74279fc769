import Synchronization

/// Counts the bytes of messages from their allocation until libzmq, on whatever thread, has let them go.
package final class ByteLedger: Sendable {
  /// Counts them too.
  private let whole: ByteLedger?
  private let bytes = Atomic<Int>(0)

  package init(partOf whole: ByteLedger? = nil) { self.whole = whole }

  package var byteCount: Int { bytes.load(ordering: .relaxed) }

  func add(_ count: Int) {
    bytes.add(count, ordering: .relaxed)
    whole?.add(count)
  }
}
