import Testing
import XentProtocol

@testable import XentClient

@Suite("How long a result may take")
struct PaceTests {
  @Test("until a round trip was seen it is twice the floor, and then a multiple of the slow ones")
  func learns() {
    var pace = Pace(floorSeconds: 0.5)
    #expect(pace.allowanceSeconds == 1)
    for _ in 0..<100 { pace.saw(roundTripSeconds: 0.01) }
    #expect(pace.allowanceSeconds == 0.5)
    for _ in 0..<200 { pace.saw(roundTripSeconds: 0.3) }
    #expect(pace.allowanceSeconds == 4 * 0.3)
  }

  @Test("one result later than is allowed is learnt from at once")
  func jumps() {
    var pace = Pace(floorSeconds: 0.1)
    for _ in 0..<8 { pace.saw(roundTripSeconds: 0.01) }
    for _ in 0..<8 { pace.saw(roundTripSeconds: 1) }
    #expect(pace.allowanceSeconds == 4)
  }

  @Test("it forgets: of the last 512 round trips the 99th percentile counts")
  func forgets() {
    var pace = Pace(floorSeconds: 0.001)
    for _ in 0..<512 { pace.saw(roundTripSeconds: 5) }
    #expect(pace.allowanceSeconds == 20)
    for _ in 0..<508 { pace.saw(roundTripSeconds: 0.01) }
    for _ in 0..<64 { pace.saw(roundTripSeconds: 0.01) }
    #expect(pace.allowanceSeconds == 0.04)
  }

  @Test("each attempt may take twice as long as the one before, with some chance in it, and never more than a minute")
  func backsOff() {
    let pace = Pace(floorSeconds: 1)
    for attempt in 1...40 {
      let least = min(2 * Double(1 << min(attempt - 1, 6)), Pace.longestSeconds)
      let allowances = (0..<100).map { _ in pace.allowanceSeconds(attempt: attempt) }
      #expect(allowances.allSatisfy { (least...1.25 * least).contains($0) })
      #expect(Set(allowances).count > 1)
    }
  }
}
