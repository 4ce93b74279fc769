import DequeModule
import ZeroMQ

/// A ROUTER socket: any number of clients, each of which gets its own results. A client that does not read fills a spool
/// of its own, is answered BUSY once that is full, and harms nobody else.
final class RouterLane: Lane {
  /// Refusals that a spool takes whether or not it is full, so that the client hears of it.
  private static let maximumRefusalByteCount = 64 << 10

  let configuration: LaneConfiguration
  private let endpoints: [EndpointConfiguration]
  private var socket: RouterSocket
  /// The spools that are not empty, by the client's name.
  private var spools: [ClientName: Spool] = [:]
  private(set) var waitingByteCount = 0
  private(set) var droppedCount = 0
  private var place = 0
  private(set) var isReadable = false
  private var delimiter = Message()

  init(
    _ configuration: LaneConfiguration, endpoints: [EndpointConfiguration], context: borrowing Context
  ) throws(ZeroMQError) {
    self.configuration = configuration
    self.endpoints = endpoints
    socket = try RouterSocket(in: context, options: SocketOptions(requestsOf: configuration))
  }

  var isReading: Bool { true }
  // A ROUTER is writable when any peer is, so no poll tells when this one is.
  var wantsRetry: Bool { !spools.isEmpty }

  func open() throws(ZeroMQError) { try socket.open(endpoints) }

  func register(in poller: inout Poller) { place = poller.add(socket.pollable, for: .readable) }

  func look(at poller: borrowing Poller) { isReadable = poller.events(at: place).contains(.readable) }

  func receive(into slot: BatchSlot) throws(ZeroMQError) -> Bool {
    guard try socket.receive(into: &slot.client) else { return false }
    return try slot.fill(takesDelimiter: true) { message throws(ZeroMQError) in try socket.receive(into: &message) }
  }

  func isBusy(_ slot: BatchSlot) -> Bool {
    guard !spools.isEmpty, let spool = spools[ClientName(slot.client)] else { return false }
    return spool.byteCount >= configuration.maximumWaitingByteCount
  }

  func send(_ slot: BatchSlot) throws(ZeroMQError) {
    if !spools.isEmpty, let spool = spools[ClientName(slot.client)] {
      keep(slot, in: spool)
      return
    }
    switch try send(&slot.client, hasDelimiter: slot.hasDelimiter, &slot.result) {
    case .sent: break
    case .unreachable: droppedCount += 1
    case .wouldBlock:
      let spool = Spool()
      spools[ClientName(slot.client)] = spool
      keep(slot, in: spool)
    }
  }

  func sendWaiting() throws(ZeroMQError) {
    guard !spools.isEmpty else { return }
    for (name, spool) in spools {
      try empty(spool)
      if spool.results.isEmpty { spools[name] = nil }
    }
  }

  var hasConsumer: Bool { true }  // A client that is gone has no spool.

  func setLinger(milliseconds: Int32) throws(ZeroMQError) { try socket.setLinger(milliseconds: milliseconds) }

  private func keep(_ slot: BatchSlot, in spool: Spool) {
    // A computed result is always kept: whether there is room was asked before it was computed.
    guard !slot.isRefusal || spool.refusalByteCount < Self.maximumRefusalByteCount else {
      droppedCount += 1
      return
    }
    let result = WaitingResult(slot)
    spool.append(result)
    waitingByteCount += result.byteCount
  }

  private func empty(_ spool: Spool) throws(ZeroMQError) {
    while let next = spool.results.first {
      switch try send(&next.client, hasDelimiter: next.hasDelimiter, &next.result) {
      case .wouldBlock: return
      case .unreachable: droppedCount += 1
      case .sent: break
      }
      spool.removeFirst()
      waitingByteCount -= next.byteCount
    }
  }

  /// Sends all frames or none: once the client's name is taken, the others are too.
  private func send(
    _ client: inout Message, hasDelimiter: Bool, _ result: inout Message
  ) throws(ZeroMQError) -> SendOutcome {
    let outcome = try socket.send(&client, more: true)
    guard outcome == .sent else { return outcome }
    if hasDelimiter { _ = try socket.send(&delimiter, more: true) }
    return try socket.send(&result)
  }
}

/// The results that wait for one client.
private final class Spool {
  private(set) var results: Deque<WaitingResult> = []
  /// Of computed results.
  private(set) var byteCount = 0
  private(set) var refusalByteCount = 0

  func append(_ result: WaitingResult) {
    results.append(result)
    count(result, times: 1)
  }

  func removeFirst() { count(results.removeFirst(), times: -1) }

  private func count(_ result: WaitingResult, times: Int) {
    if result.isRefusal {
      refusalByteCount += times * result.byteCount
    } else {
      byteCount += times * result.byteCount
    }
  }
}

/// The frame by which a ROUTER knows a client.
private struct ClientName: Hashable {
  private let bytes: [UInt8]

  init(_ frame: borrowing Message) { bytes = Array(frame.unsafeBytes) }
}
