import Synchronization

/// Where a generator hands over what it did, and gets an empty interval for it: nothing is copied, and nobody waits.
final class IntervalExchange: Sendable {
  private let wanted = Atomic(false)
  private let slot = Mutex(Interval())

  /// Asks the generator to hand over. The slot must hold an empty interval.
  func request() { wanted.store(true, ordering: .releasing) }

  /// Hands over, if that is asked for. For the generator.
  func exchange(_ interval: inout Interval, now: UInt64) {
    guard wanted.load(ordering: .acquiring) else { return }
    interval.end = now
    slot.withLock { swap(&$0, &interval) }
    interval.start = now
    wanted.store(false, ordering: .releasing)
  }

  var isPending: Bool { wanted.load(ordering: .acquiring) }

  /// Adds what was handed over to a total, and empties the slot for the next.
  func collect(into total: inout Interval) {
    slot.withLock { interval in
      total.add(interval)
      interval.reset(start: 0)
    }
  }
}
