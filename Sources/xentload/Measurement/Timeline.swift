/// A run as it went: a moment for each short interval, and windows of several.
struct Timeline {
  /// What is left of a short interval.
  struct Moment: Sendable {
    /// Seconds from the start of what is measured.
    let start: Double
    let end: Double
    let batchesPerSecond: Double
    let bytesPerSecond: Double
    let p50: Double
    let p99: Double
    let maximum: Double
  }

  private(set) var moments: [Moment] = []
  private(set) var windows: [Interval] = []
  private(set) var open = Interval()
  private var startTime: UInt64?

  /// - Parameter interval: an empty one, of generators that have ended, adds nothing.
  mutating func add(_ interval: Interval) {
    guard interval.end > interval.start else { return }
    let start = startTime ?? interval.start
    startTime = start
    let corrected = interval.latencies.corrected.histogram
    moments.append(
      Moment(
        start: Double(nanoseconds: interval.start - start), end: Double(nanoseconds: interval.end - start),
        batchesPerSecond: interval.batchesPerSecond, bytesPerSecond: interval.bytesPerSecond,
        p50: corrected.seconds(at: 50), p99: corrected.seconds(at: 99), maximum: corrected.seconds(at: 100)))
    open.add(interval)
  }

  /// Ends the window that is open. A stub of one belongs to the window before it.
  mutating func closeWindow(isStub: Bool = false) {
    guard open.end > open.start else { return }
    if isStub, !windows.isEmpty {
      windows[windows.count - 1].add(open)
    } else {
      windows.append(open)
    }
    open = Interval()
  }

  /// Makes one window of each two.
  mutating func halveWindows() {
    windows = stride(from: 0, to: windows.count, by: 2).map { index in
      var window = windows[index]
      if index + 1 < windows.count { window.add(windows[index + 1]) }
      return window
    }
  }
}
