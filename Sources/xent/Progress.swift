import Glibc

/// A bar on standard error that tells how far it has come; nothing where that is not a terminal.
struct Progress {
  private static let width = 32

  private let total: Int
  private let isShown: Bool
  private var shownPercent = -1

  init(total: Int, isQuiet: Bool) {
    self.total = total
    isShown = !isQuiet && isatty(STDERR_FILENO) == 1
  }

  mutating func show(_ done: Int) {
    guard isShown, total > 0 else { return }
    let percent = done * 100 / total
    guard percent != shownPercent else { return }
    shownPercent = percent
    let filled = percent * Self.width / 100
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: Self.width - filled)
    writeError("\r\(bar) \(percent) %  \(done) of \(total) rows")
  }

  /// Wipes the bar, so that what is printed next stands alone.
  func clear() {
    if isShown { writeError("\r\u{1b}[K") }
  }
}
