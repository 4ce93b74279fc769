import CZeroMQ

/// A socket as something that a `Poller` waits for.
package struct Pollable {
  let handle: UnsafeMutableRawPointer
}

/// Waits for sockets and descriptors. Keeps its memory, so that waiting allocates nothing.
///
/// Every socket should be among what is waited for, if only for no event: libzmq does its housekeeping for a socket when
/// it is looked at.
package struct Poller: ~Copyable {
  private var items: [zmq_pollitem_t] = []

  package init() {}

  package struct Events: OptionSet, Sendable {
    package let rawValue: Int16
    package init(rawValue: Int16) { self.rawValue = rawValue }
    package static let readable = Events(rawValue: Int16(ZMQ_POLLIN))
    package static let writable = Events(rawValue: Int16(ZMQ_POLLOUT))
    /// Of descriptors only.
    package static let failed = Events(rawValue: Int16(ZMQ_POLLERR))
  }

  package mutating func removeAll() { items.removeAll(keepingCapacity: true) }

  /// - Returns: the place for `events(at:)`.
  package mutating func add(_ pollable: Pollable, for events: Events) -> Int {
    items.append(zmq_pollitem_t(socket: pollable.handle, fd: 0, events: events.rawValue, revents: 0))
    return items.count - 1
  }

  /// - Returns: the place for `events(at:)`.
  package mutating func add(descriptor: Int32, for events: Events) -> Int {
    items.append(zmq_pollitem_t(socket: nil, fd: descriptor, events: events.rawValue, revents: 0))
    return items.count - 1
  }

  /// Waits until something happens, at most as long as told; nil is for ever. A signal ends the wait early: that is not
  /// retried here, because the caller will want to look around.
  package mutating func wait(milliseconds: Int?) throws(ZeroMQError) {
    let result = items.withUnsafeMutableBufferPointer { items in
      zmq_poll(items.baseAddress, Int32(items.count), milliseconds ?? -1)
    }
    guard result == -1 else { return }
    guard zmq_errno() == EINTR else { throw ZeroMQError("wait for sockets") }
    for index in items.indices { items[index].revents = 0 }
  }

  package func events(at index: Int) -> Events { Events(rawValue: items[index].revents) }
}
