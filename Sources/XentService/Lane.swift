import XentProtocol
import ZeroMQ

/// A way in for requests and out for results. Owned by the loop's thread.
protocol Lane: AnyObject {
  var configuration: LaneConfiguration { get }

  /// Whether the lane takes requests now: false holds its clients back.
  var isReading: Bool { get }
  /// Whether a request may be there, as the last poll saw it.
  var isReadable: Bool { get }
  /// Bytes of results that wait in xentd because libzmq does not take them.
  var waitingByteCount: Int { get }
  /// Whether anybody is there to take what waits, as the last poll saw it.
  var hasConsumer: Bool { get }
  /// Results that were given up since the start.
  var droppedCount: Int { get }
  /// Whether results that wait are tried again by the clock, because no poll tells when they can leave.
  var wantsRetry: Bool { get }

  /// Binds and connects the lane's sockets.
  func open() throws(ZeroMQError)
  /// Adds the lane's sockets to a poll.
  func register(in poller: inout Poller)
  /// Remembers what the poll saw of them.
  func look(at poller: borrowing Poller) throws(ZeroMQError)
  /// Takes a request. Never blocks.
  /// - Returns: false where there is none.
  func receive(into slot: BatchSlot) throws(ZeroMQError) -> Bool
  /// Whether the client of this request leaves so many results lying that it must wait.
  func isBusy(_ slot: BatchSlot) -> Bool
  /// Sends the slot's result, or keeps it until it can leave. Never blocks.
  func send(_ slot: BatchSlot) throws(ZeroMQError)
  /// Sends what waits, as far as it can leave.
  func sendWaiting() throws(ZeroMQError)
  /// How long the context waits, when it ends, for what libzmq has of this lane.
  func setLinger(milliseconds: Int32) throws(ZeroMQError)
}

extension SocketOptions {
  /// The options of a socket that requests come in by.
  init(requestsOf configuration: LaneConfiguration) {
    self.init()
    sendHighWaterMark = ServiceConfiguration.sendHighWaterMark
    receiveHighWaterMark = Int32(configuration.queuedRequestCount)
    // Twice the limit, so that a request that is a little too large still gets an answer.
    maximumFrameByteCount = 2 * Int64(configuration.limits.maximumRequestByteCount)
  }

  /// The options of a socket that only results go out by. What a peer sends there is never read: as little of it as can
  /// be piles up.
  static var results: SocketOptions {
    var options = SocketOptions()
    options.sendHighWaterMark = ServiceConfiguration.sendHighWaterMark
    options.receiveHighWaterMark = 1
    options.maximumFrameByteCount = 1024
    return options
  }
}

/// A result that libzmq did not take yet.
final class WaitingResult {
  var client = Message()
  let hasDelimiter: Bool
  var result = Message()
  let byteCount: Int
  let isRefusal: Bool

  /// Takes the result out of a slot.
  init(_ slot: BatchSlot) {
    isRefusal = slot.isRefusal
    byteCount = slot.result.byteCount
    hasDelimiter = slot.hasDelimiter
    client.take(from: &slot.client)
    result.take(from: &slot.result)
  }
}
