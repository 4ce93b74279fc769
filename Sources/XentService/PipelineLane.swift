import DequeModule
import ZeroMQ

/// A PULL socket for requests and a PUSH socket for results, with one consumer of results. It never drops a result: when
/// nobody takes them, it stops reading, and its clients' sends block.
final class PipelineLane: Lane {
  let configuration: LaneConfiguration
  private let endpoints: (requests: [EndpointConfiguration], results: [EndpointConfiguration])
  private var requests: PullSocket
  private var results: PushSocket
  private var consumers: PeerMonitor
  private var waiting: Deque<WaitingResult> = []
  private(set) var waitingByteCount = 0
  private var consumerCount = 0
  private var places = (requests: 0, results: 0, consumers: 0)
  private(set) var isReadable = false

  init(
    _ configuration: LaneConfiguration, requests requestEndpoints: [EndpointConfiguration],
    results resultEndpoints: [EndpointConfiguration], context: borrowing Context
  ) throws(ZeroMQError) {
    self.configuration = configuration
    endpoints = (requestEndpoints, resultEndpoints)
    requests = try PullSocket(in: context, options: SocketOptions(requestsOf: configuration))
    results = try PushSocket(in: context, options: .results)
    consumers = try PeerMonitor(of: results.pollable, in: context)
  }

  var droppedCount: Int { 0 }
  var wantsRetry: Bool { false }
  var isReading: Bool { waitingByteCount < configuration.maximumWaitingByteCount }

  func open() throws(ZeroMQError) {
    // Results first: a client that sees the requests' endpoint can count on both.
    try results.open(endpoints.results)
    try requests.open(endpoints.requests)
  }

  func register(in poller: inout Poller) {
    places.requests = poller.add(requests.pollable, for: isReading ? .readable : [])
    places.results = poller.add(results.pollable, for: waiting.isEmpty ? [] : .writable)
    places.consumers = poller.add(consumers.pollable, for: .readable)
  }

  func look(at poller: borrowing Poller) throws(ZeroMQError) {
    isReadable = poller.events(at: places.requests).contains(.readable)
    if poller.events(at: places.consumers).contains(.readable) { consumerCount = try consumers.peerCount() }
  }

  func receive(into slot: BatchSlot) throws(ZeroMQError) -> Bool {
    try slot.fill(takesDelimiter: false) { message throws(ZeroMQError) in try requests.receive(into: &message) }
  }

  func isBusy(_ slot: BatchSlot) -> Bool { false }

  func send(_ slot: BatchSlot) throws(ZeroMQError) {
    if waiting.isEmpty, try results.send(&slot.result) == .sent { return }
    let result = WaitingResult(slot)
    waiting.append(result)
    waitingByteCount += result.byteCount
  }

  func sendWaiting() throws(ZeroMQError) {
    while let next = waiting.first {
      guard try results.send(&next.result) == .sent else { return }
      waitingByteCount -= next.byteCount
      waiting.removeFirst()
    }
  }

  var hasConsumer: Bool { consumerCount > 0 }

  func setLinger(milliseconds: Int32) throws(ZeroMQError) { try results.setLinger(milliseconds: milliseconds) }
}
