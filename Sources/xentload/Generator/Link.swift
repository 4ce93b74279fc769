import XentClient
import XentProtocol
import ZeroMQ

/// One connection of a generator, and no more checked at run time.
final class Link {
  /// Below this, header and sections travel as one frame: a copy costs less than two more frames.
  static let packedByteCount = 16 << 10

  @exclusivity(unchecked) private var connection: DaemonConnection
  @exclusivity(unchecked) private var message = Message()
  private var places = DaemonConnection.Places()
  @exclusivity(unchecked) var inFlightCount = 0
  /// Whether the socket had no room.
  @exclusivity(unchecked) private(set) var isBlocked = false
  /// When each free place of the window became free: the oldest first.
  @exclusivity(unchecked) private var freeTimes: [UInt64]
  @exclusivity(unchecked) private var oldest = 0

  init(_ endpoints: ClientEndpoints, in context: borrowing Context, window: Int, now: UInt64) throws(ZeroMQError) {
    connection = try DaemonConnection(endpoints, in: context)
    freeTimes = Array(repeating: now, count: window)
  }

  var window: Int { freeTimes.count }
  var hasRoom: Bool { inFlightCount < window && !isBlocked }

  /// Since when the place that is taken next has been free.
  var freeSince: UInt64 { freeTimes[oldest] }

  func departed() {
    oldest = oldest + 1 == window ? 0 : oldest + 1
    inFlightCount += 1
  }

  func landed(at time: UInt64) {
    let place = oldest + window - inFlightCount
    freeTimes[place >= window ? place - window : place] = time
    inFlightCount -= 1
  }

  func add(to poller: inout Poller) { places = connection.add(to: &poller, forSending: isBlocked) }

  /// Looks at what the last wait has seen. The sender tries again in any case: a socket may have room sooner than its
  /// poll tells.
  func unblock() { isBlocked = false }

  /// - Returns: whether there was room for it.
  func send(_ batch: PreparedBatch, sequence: UInt64, client: ClientID) throws(ZeroMQError) -> Bool {
    var header = batch.header
    header.sequence = sequence
    header.clientID = client
    header.sentAtNanoseconds = Clock.wall()
    if batch.requestByteCount <= Self.packedByteCount { return try sendPacked(header, batch) }
    try message.allocate(byteCount: RequestHeader.byteCount)
    header.write(to: message.unsafeMutableBytes)
    guard try didSend(more: true) else { return false }
    var logits = try Message(borrowing: batch.logits)
    _ = try connection.send(&logits, more: true)
    var labels = try Message(borrowing: batch.labels)
    _ = try connection.send(&labels, more: false)
    return true
  }

  private func sendPacked(_ header: RequestHeader, _ batch: PreparedBatch) throws(ZeroMQError) -> Bool {
    try message.allocate(byteCount: batch.requestByteCount)
    let bytes = message.unsafeMutableBytes
    header.write(to: bytes)
    let labelsOffset = RequestHeader.byteCount + batch.logits.count
    UnsafeMutableRawBufferPointer(rebasing: bytes[RequestHeader.byteCount...]).copyMemory(from: batch.logits)
    UnsafeMutableRawBufferPointer(rebasing: bytes[labelsOffset...]).copyMemory(from: batch.labels)
    return try didSend(more: false)
  }

  private func didSend(more: Bool) throws(ZeroMQError) -> Bool {
    guard case .sent = try connection.send(&message, more: more) else {
      isBlocked = true
      return false
    }
    isBlocked = false
    return true
  }

  /// Takes a result, if one is there.
  func receive(into message: inout Message) throws(ZeroMQError) -> Bool { try connection.receive(into: &message) }
}
