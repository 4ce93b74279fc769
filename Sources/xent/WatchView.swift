import Glibc

/// What `xent status --watch` shows: a page that is drawn anew each time, or for a file or a pipe a line each time.
struct WatchView {
  private static let head = [
    "time    ", "batches/s", "   rows/s", "      in/s", "     out/s", "compute p99", "in flight", "  waiting", "state",
  ]

  private let address: String
  private let isTerminal: Bool
  private var last: DaemonStatus?
  private var lineCount = 0

  init(address: String, isTerminal: Bool) {
    self.address = address
    self.isTerminal = isTerminal
  }

  mutating func show(_ status: DaemonStatus) -> String {
    // Another instance has counts of its own.
    let earlier = last?.instance == status.instance ? last : nil
    last = status
    guard isTerminal else { return line(status, earlier) }
    return page(StatusReport(status: status, earlier: earlier, address: address).text)
  }

  /// The daemon cannot be asked now.
  mutating func showLoss(_ reason: String) -> String {
    last = nil
    return isTerminal ? page(reason) : "\(time)  \(reason)\n"
  }

  /// From the upper left corner, with each line's rest and the page's rest wiped: so nothing flickers.
  private func page(_ text: String) -> String {
    "\u{1b}[H" + text.split(separator: "\n", omittingEmptySubsequences: false).map { $0 + "\u{1b}[K\n" }.joined()
      + "\u{1b}[J"
  }

  private mutating func line(_ status: DaemonStatus, _ earlier: DaemonStatus?) -> String {
    let rates = StatusRates(status, since: earlier)
    let p99 = status.stages["compute"].flatMap { StageTimes($0, since: earlier?.stages["compute"]).quantile(0.99) }
    let waiting = status.lanes.reduce(0) { $0 + $1.waitingBytes }
    let paused = status.lanes.filter(\.paused).map { "lane \($0.name) is paused" }
    let since = earlier == nil ? ["rates since its start"] : []
    let state = [status.ready ? "ready" : "not ready"] + status.problems + paused + since
    let cells = [
      time, quantity(rates.batches), quantity(rates.rows), quantity(rates.bytesIn, "B"), quantity(rates.bytesOut, "B"),
      p99.map(duration) ?? "-", quantity(status.inFlight.bytes, "B"), quantity(waiting, "B"),
    ]
    let padded = zip(cells, Self.head).map { cell, head in
      String(repeating: " ", count: max(0, head.count - cell.count)) + cell
    }
    let line = (padded + [state.joined(separator: "; ")]).joined(separator: "  ") + "\n"
    defer { lineCount += 1 }
    return lineCount % 25 == 0 ? Self.head.joined(separator: "  ") + "\n" + line : line
  }

  private var time: String {
    var (now, parts) = (time_t(), tm())
    Glibc.time(&now)
    localtime_r(&now, &parts)
    return [parts.tm_hour, parts.tm_min, parts.tm_sec].map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
  }
}
