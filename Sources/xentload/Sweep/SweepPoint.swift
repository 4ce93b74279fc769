/// One load of a sweep, and what it came to.
struct SweepPoint {
  /// Batches a second that were due; nil for a closed loop.
  let rate: Double?
  /// Batches in flight on each connection.
  let window: Int
  let outcome: RunOutcome

  /// `at 1,200 batches/s` or `8 in flight`
  var name: String { rate.map { "\(Units.digits($0)) batches/s" } ?? "\(window) in flight" }

  /// Batches a second that came back.
  var throughput: Double { outcome.total.batchesPerSecond }

  /// Whether it holds the condition, and the daemon kept up with the rate.
  func meets(_ slo: Condition) -> Bool { RunVerdict(outcome).keepsUp && slo.holds(for: outcome) }
}
