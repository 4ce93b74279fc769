/// A lane that is drained before it is closed: what is queued is computed, what still comes is told to go elsewhere, and
/// results have time to leave while somebody is there to take them. Its endpoints stay bound meanwhile: libzmq drops a
/// socket's connections, and with them the way back for results, when it is unbound.
struct Departure {
  let lane: any Lane
  /// When it is over whatever waits.
  let deadline: UInt64
  private let reason: String
  /// Until when what comes is still computed: what clients had sent before is on its way here.
  private let refusingAt: UInt64
  private var quietSince: UInt64
  private var quietTurnCount = 0
  private var takenCount: Int

  /// As long as nothing must come: what clients sent before they could know has then been read.
  private static let quietNanoseconds: UInt64 = 100_000_000
  private static let quietTurns = 10
  private static let leavingNanoseconds: UInt64 = 20_000_000

  /// - Parameter reason: what is told to clients that come too late.
  init(of lane: any Lane, because reason: String, at now: UInt64, deadline: UInt64) {
    self.lane = lane
    self.reason = reason
    self.deadline = deadline
    refusingAt = now + Self.leavingNanoseconds
    quietSince = now
    takenCount = lane.metrics.requests.value
    lane.stage = .leaving
  }

  /// To be called each turn.
  mutating func didServe(at now: UInt64) {
    if now >= refusingAt { lane.stage = .refusing(reason) }
    let lastTakenCount = takenCount
    takenCount = lane.metrics.requests.value
    if takenCount > lastTakenCount || (lane.heldByteCount > 0 && lane.hasConsumer) {
      (quietSince, quietTurnCount) = (now, 0)
    } else {
      quietTurnCount += 1
    }
  }

  /// What is left of its time.
  func millisecondsLeft(at now: UInt64) -> Int32 { deadline > now ? Int32((deadline - now) / 1_000_000) : 0 }

  func isOver(at now: UInt64) -> Bool {
    now >= deadline || (quietTurnCount >= Self.quietTurns && now >= quietSince + Self.quietNanoseconds)
  }
}
