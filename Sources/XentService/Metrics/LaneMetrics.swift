import Synchronization
import XentProtocol
import ZeroMQ

/// What one lane has done, and how it is. The loop writes, others read.
package final class LaneMetrics: Sendable {
  private let settings: Mutex<LaneConfiguration>
  package let endpoints: [EndpointMetrics]
  package let requests = Counter()
  package let requestBytes = Counter()
  /// Batches that were computed.
  package let batches = Counter()
  package let rows = Counter()
  /// Results that libzmq took, those of refusals and infos included.
  package let results = Counter()
  package let resultBytes = Counter()
  private let refusals = InlineArray<32, Counter> { _ in Counter() }
  private let drops = InlineArray<2, Counter> { _ in Counter() }
  /// Results that wait in xentd because libzmq does not take them.
  package let waitingResults = Counter()
  package let waitingBytes = Counter()
  /// How long the lane took no requests, because its results waited.
  package let pausedNanoseconds = Counter()
  /// How often a second consumer of results came to a pipeline lane.
  package let secondConsumers = Counter()
  /// How often the socket of requests was opened anew to keep the limit of memory.
  package let memoryResets = Counter()
  /// Peers that were disconnected because there were too many.
  package let refusedPeers = Counter()
  private let handshakeFailures = InlineArray<8, Counter> { _ in Counter() }
  private let isPausedNow = Atomic<Bool>(false)

  init(_ configuration: LaneConfiguration) {
    settings = Mutex(configuration)
    endpoints = configuration.endpoints.map { EndpointMetrics($0.address) }
  }

  /// As the lane has it now.
  package internal(set) var configuration: LaneConfiguration {
    get { settings.withLock { $0 } }
    set { settings.withLock { $0 = newValue } }
  }

  /// Why a result was given up.
  package enum Drop: Int, CaseIterable, Sendable {
    /// The client was gone when its result was ready.
    case clientGone
    /// The client left so many refusals lying that no more were kept.
    case spoolFull

    package var name: String {
      switch self {
      case .clientGone: "client_gone"
      case .spoolFull: "spool_full"
      }
    }
  }

  /// Requests that were refused with a status.
  package func refusals(_ status: Status) -> Int { refusals[Int(status.rawValue)].value }
  package func drops(_ reason: Drop) -> Int { drops[reason.rawValue].value }
  package var refusalCount: Int { Status.allCases.reduce(0) { $0 + refusals($1) } }
  package var dropCount: Int { Drop.allCases.reduce(0) { $0 + drops($1) } }
  package var isPaused: Bool { isPausedNow.load(ordering: .relaxed) }

  /// Connections that came to nothing.
  package func handshakeFailures(_ reason: HandshakeFailure) -> Int { handshakeFailures[place(of: reason)].value }

  func set(_ reason: HandshakeFailure, to count: Int) { handshakeFailures[place(of: reason)].set(count) }

  private func place(of reason: HandshakeFailure) -> Int { HandshakeFailure.allCases.firstIndex(of: reason)! }

  func didReceive(byteCount: Int) {
    requests.add(1)
    requestBytes.add(byteCount)
  }

  /// A request has its result, which is to be sent.
  func didAnswer(_ slot: BatchSlot) {
    switch slot.kind {
    case .batch:
      batches.add(1)
      rows.add(Int(slot.plan.request.header.rows))
    case .refusal(let refusal): refusals[Int(refusal.status.rawValue)].add(1)
    case .info, nil: break
    }
  }

  /// libzmq took a result.
  func didSend(byteCount: Int) {
    results.add(1)
    resultBytes.add(byteCount)
  }

  func drop(_ reason: Drop) { drops[reason.rawValue].add(1) }
  func setPaused(_ isPaused: Bool) { isPausedNow.store(isPaused, ordering: .relaxed) }
}

/// One endpoint of a lane.
package final class EndpointMetrics: Sendable {
  package let endpoint: String
  /// Peers that are connected by it, where it was bound.
  package let peers = Counter()

  init(_ endpoint: String) { self.endpoint = endpoint }
}
