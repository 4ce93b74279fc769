import XentService

/// What the service manager shows of the daemon: how fast it is, and what is in its way.
struct StatusLine {
  private let metrics: ServiceMetrics
  private let health: Health
  private var last: (time: UInt64, bytes: Int, batches: Int)

  init(_ metrics: ServiceMetrics, _ health: Health) {
    self.metrics = metrics
    self.health = health
    let counts = metrics.counts
    last = (Clock.monotonicNanoseconds, counts.requestBytes, counts.batches)
  }

  /// The line for the time since the last call.
  mutating func next() -> String {
    let (counts, now) = (metrics.counts, Clock.monotonicNanoseconds)
    let seconds = Double(now - last.time) / 1e9
    let bytes = counts.requestBytes - last.bytes
    let batches = counts.batches - last.batches
    last = (now, counts.requestBytes, counts.batches)
    let problems = health.problems + pausedLanes + refusedConfiguration
    let isIdle = bytes == 0 && metrics.inflightBatches == 0
    let traffic = isIdle ? "idle" : rates(bytes: Double(bytes) / seconds, batches: Double(batches) / seconds)
    return ([traffic] + problems).joined(separator: "; ")
  }

  private var pausedLanes: [String] {
    metrics.lanes.filter(\.isPaused).map { "lane \($0.configuration.name) is paused: nobody takes its results" }
  }

  private var refusedConfiguration: [String] {
    metrics.reload.outcome.isSuccessful ? [] : ["the configuration was refused when it was read last: see xent status"]
  }

  private func rates(bytes: Double, batches: Double) -> String {
    let percent = metrics.inflightBytes * 100 / max(1, metrics.inflightLimitBytes.value)
    return "in \(quantity(bytes))B/s, \(quantity(batches))batches/s, in flight \(percent) %"
  }

  /// Three digits, the unit's prefix and a space before it: `812 M`, `41.2 k`, `0 `.
  private func quantity(_ value: Double) -> String {
    var (value, prefixes) = (value, ["", "k", "M", "G", "T"][...])
    while value >= 999.5, prefixes.count > 1 {
      value /= 1000
      prefixes.removeFirst()
    }
    let tenths = Int((value * 10).rounded())
    let digits = value >= 99.95 || tenths % 10 == 0 ? "\(Int(value.rounded()))" : "\(tenths / 10).\(tenths % 10)"
    return "\(digits) \(prefixes.first!)"
  }
}
