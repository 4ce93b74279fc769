import Synchronization

/// A number that one thread writes and others read: no lock, and no more than an ordinary store for the writer.
package struct Counter: ~Copyable, Sendable {
  private let storage = Atomic<Int>(0)

  package init() {}

  package var value: Int { storage.load(ordering: .relaxed) }

  /// Only the writer may call this: it reads, adds and stores.
  func add(_ amount: Int) { storage.store(value &+ amount, ordering: .relaxed) }

  func set(_ newValue: Int) { storage.store(newValue, ordering: .relaxed) }
}
