/// What a daemon did in a second, between two looks at it.
struct StatusRates {
  let batches: Double
  let rows: Double
  let bytesIn: Double
  let bytesOut: Double
  /// CPU seconds.
  let cores: Double

  /// - Parameter earlier: nil for the daemon's start.
  init(_ status: DaemonStatus, since earlier: DaemonStatus?) {
    let seconds = max(1e-3, status.uptimeSeconds - (earlier?.uptimeSeconds ?? 0))
    func rate(_ count: KeyPath<DaemonStatus.Counts, Int>) -> Double {
      Double(status.counts[keyPath: count] - (earlier?.counts[keyPath: count] ?? 0)) / seconds
    }
    batches = rate(\.batches)
    rows = rate(\.rows)
    bytesIn = rate(\.requestBytes)
    bytesOut = rate(\.resultBytes)
    cores = (status.process.cpuSeconds - (earlier?.process.cpuSeconds ?? 0)) / seconds
  }
}
