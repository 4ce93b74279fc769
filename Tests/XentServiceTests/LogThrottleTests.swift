import Testing

@testable import XentService

@Suite("A bound on what strangers write to the log")
struct LogThrottleTests {
  @Test("one line every ten seconds, with the number of those that were kept back")
  func throttled() {
    var throttle = LogThrottle()
    let lines = (0..<250).compactMap { throttle.admit(at: UInt64($0) * 100_000_000) }
    #expect(lines == [0, 99, 99])
  }
}
