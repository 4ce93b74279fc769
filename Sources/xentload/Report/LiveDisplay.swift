import Glibc

/// A line on standard error that tells how a run is going; nothing where that is not a terminal.
struct LiveDisplay {
  private static let refreshSeconds = 0.25
  private static let barWidth = 20

  private let isShown: Bool
  private var title = ""
  private var pending = Interval()

  init(isQuiet: Bool) { isShown = !isQuiet && isatty(STDERR_FILENO) == 1 }

  /// What stands in front of the line: which point of a sweep it is, say.
  mutating func setTitle(_ title: String) { self.title = title }

  func showStep(_ text: String) { put(text) }

  func showWarmUp(secondsLeft: Double) { put("warming up, \(Units.seconds(secondsLeft)) left") }

  mutating func show(_ interval: Interval, progress: Double?, violationCount: Int) {
    guard isShown else { return }
    pending.add(interval)
    guard pending.seconds >= Self.refreshSeconds else { return }
    let corrected = pending.latencies.corrected.histogram
    var parts = [
      bar(progress ?? 0), "\(Units.count(pending.batchesPerSecond)) batches/s",
      "\(Units.bytes(pending.bytesPerSecond))/s", "p50 \(Units.seconds(corrected.seconds(at: 50)))",
      "p99 \(Units.seconds(corrected.seconds(at: 99)))", "p99.9 \(Units.seconds(corrected.seconds(at: 99.9)))",
    ]
    if pending.turnedAwayCount > 0 { parts.append("turned away \(pending.turnedAwayCount)") }
    if violationCount > 0 { parts.append("WRONG \(violationCount)") }
    put(parts.joined(separator: "  "))
    pending = Interval()
  }

  /// Wipes the line, so that what is printed next stands alone.
  func clear() {
    if isShown { write("\r\u{1b}[K") }
  }

  private func bar(_ progress: Double) -> String {
    let filled = Int((progress * Double(Self.barWidth)).rounded())
    return String(repeating: "█", count: filled) + String(repeating: "░", count: Self.barWidth - filled)
      + " \(Int((progress * 100).rounded())) %"
  }

  private func put(_ text: String) {
    if isShown { write("\r\u{1b}[K" + (title.isEmpty ? "" : title + ": ") + text) }
  }

  private func write(_ text: String) {
    var text = text
    text.withUTF8 { _ = Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
