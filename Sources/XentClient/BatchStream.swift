import Glibc
import XentProtocol
import ZeroMQ

/// Sends batches with a window of them in flight, and gives each result back once.
///
/// It never blocks in a send: it looks both ways, so that results are read while requests leave.
package struct BatchStream: ~Copyable {
  private var connection: DaemonConnection
  private let clientID = ClientID.random()
  private let window: Int
  private let timeoutSeconds: Double
  private var message = Message()
  private var lastSequence: UInt64 = 0
  private var lastProgress = now()

  /// - Parameters:
  ///   - window: batches in flight at the most.
  ///   - timeoutSeconds: how long nothing may come before the stream gives up.
  package init(_ endpoints: ClientEndpoints, window: Int, timeoutSeconds: Double) throws(ZeroMQError) {
    connection = try DaemonConnection(endpoints)
    self.window = window
    self.timeoutSeconds = timeoutSeconds
  }

  /// Asks the daemon what it is and what it takes: the text of a JSON object.
  package mutating func info() throws -> String {
    var header = RequestHeader()
    header.type = .info
    let request = OutgoingBatch(header: header, sections: [])
    var json = ""
    try run(batchCount: 1, batch: { _ in request }) { _, result, bytes in json = result.message(in: bytes) ?? "" }
    return json
  }

  /// Sends batches `0 ..< batchCount` and hands over the result of each, in the order in which they come.
  ///
  /// - Parameters:
  ///   - batch: makes a batch; its sections must stay as they are until the stream ends. Called again for a batch that
  ///     the daemon asks to be sent again.
  ///   - handle: takes a result and its bytes, which it may read until it returns.
  /// - Throws: `ClientError`, `ZeroMQError`, or what `handle` throws.
  package mutating func run(
    batchCount: Int, batch: (Int) -> OutgoingBatch, handle: (Int, BatchResult, RawSpan) throws -> Void
  ) throws {
    var flight = Flight(batchCount: batchCount)
    lastProgress = now()
    while !flight.isComplete {
      let wantsToSend = flight.inFlightCount < window && flight.hasNext(at: now())
      try connection.wait(forSending: wantsToSend, milliseconds: flight.isWaiting ? 10 : 100)
      while try connection.receive(into: &message) {
        try take(&flight, handle)
        lastProgress = now()
      }
      if wantsToSend, connection.canSend {
        while flight.inFlightCount < window, let index = flight.next(at: now()), try send(batch(index), index, &flight)
        {}
      }
      guard now() - lastProgress < timeoutSeconds else {
        throw ClientError.noAnswer(
          endpoint: connection.endpoints.description, seconds: timeoutSeconds, completed: flight.completedCount,
          total: batchCount)
      }
    }
  }

  /// - Returns: whether there was room for it.
  private mutating func send(_ batch: OutgoingBatch, _ index: Int, _ flight: inout Flight) throws -> Bool {
    var header = batch.header
    lastSequence += 1
    header.sequence = lastSequence
    header.clientID = clientID
    if header.type == .batch { header.sentAtNanoseconds = wallNanoseconds() }
    try message.allocate(byteCount: RequestHeader.byteCount)
    header.write(to: message.unsafeMutableBytes)
    guard try connection.send(&message, more: !batch.sections.isEmpty) == .sent else { return false }
    for (place, section) in batch.sections.enumerated() {
      var frame = try Message(borrowing: section)
      _ = try connection.send(&frame, more: place + 1 < batch.sections.count)
    }
    flight.sent(index, sequence: lastSequence)
    return true
  }

  /// Takes the result that has come.
  private mutating func take(
    _ flight: inout Flight, _ handle: (Int, BatchResult, RawSpan) throws -> Void
  ) throws {
    let bytes = message.unsafeBytes.bytes
    let result: BatchResult
    do throws(ResultError) {
      result = try BatchResult(parsing: bytes)
    } catch {
      throw ClientError.badResult(error.description)
    }
    // Another client's, or one that is not waited for any more.
    guard result.header.clientID == clientID, let index = flight.landed(sequence: result.header.sequence) else {
      return
    }
    switch result.header.status {
    case .ok:
      flight.complete()
      try handle(index, result, bytes)
    case let status where status.isRetryable:
      flight.retry(index, at: now() + max(0.01, Double(result.header.retryAfterMilliseconds) / 1000))
    case let status:
      throw ClientError.refused(
        status: status.name, message: result.message(in: bytes) ?? "", completed: flight.completedCount,
        total: flight.batchCount)
    }
  }
}

/// A batch to be sent: its header, of which the stream fills in sequence, client and time, and its sections in place.
package struct OutgoingBatch {
  package var header: RequestHeader
  package var sections: [UnsafeRawBufferPointer]

  package init(header: RequestHeader, sections: [UnsafeRawBufferPointer]) {
    self.header = header
    self.sections = sections
  }
}

/// Which batches are under way.
private struct Flight {
  let batchCount: Int
  private(set) var completedCount = 0
  private var nextIndex = 0
  /// The batch of each sequence number whose result is awaited.
  private var underWay: [UInt64: Int] = [:]
  /// Batches to be sent again, and when.
  private var retries: [(index: Int, at: Double)] = []

  init(batchCount: Int) { self.batchCount = batchCount }

  var inFlightCount: Int { underWay.count }
  var isComplete: Bool { completedCount == batchCount }
  /// Whether batches wait for the time at which they are sent again.
  var isWaiting: Bool { !retries.isEmpty }

  func hasNext(at time: Double) -> Bool { nextIndex < batchCount || retries.contains { $0.at <= time } }

  func next(at time: Double) -> Int? {
    retries.first { $0.at <= time }?.index ?? (nextIndex < batchCount ? nextIndex : nil)
  }

  mutating func sent(_ index: Int, sequence: UInt64) {
    underWay[sequence] = index
    if let place = retries.firstIndex(where: { $0.index == index }) {
      retries.remove(at: place)
    } else {
      nextIndex += 1
    }
  }

  mutating func landed(sequence: UInt64) -> Int? { underWay.removeValue(forKey: sequence) }

  mutating func complete() { completedCount += 1 }

  mutating func retry(_ index: Int, at time: Double) { retries.append((index, time)) }
}

/// Seconds since some point in the past.
private func now() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

private func wallNanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_REALTIME, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
