import Testing

@testable import xentload

/// A clock that only the test moves.
@Suite("The pacer")
struct PacerTests {
  private static let start: UInt64 = 1_000_000_000
  private static let gap: UInt64 = 200_000

  private func pacer(_ pattern: ArrivalPattern = .constant) -> Pacer {
    Pacer(.open(rate: 5000, pattern: pattern), start: Self.start, place: 0, of: 1, seed: 1)
  }

  /// Sends by a pacer whose sleeps end late by what `overshoot` says, and whose spinning looks at the clock each 100 ns.
  private func latenesses(_ pattern: ArrivalPattern, count: Int, overshoot: () -> UInt64) -> [UInt64] {
    var pacer = pacer(pattern)
    var now = Self.start
    return (0..<count).map { _ in
      while !pacer.isDue(now) {
        switch pacer.pause(at: now) {
        case .spin: now += 100
        case .sleep(let time):
          #expect(time > now)
          now = time + overshoot()
        case .forResult: Issue.record("a batch is due at a known time")
        }
      }
      let (lateness, heldUp) = pacer.departed(at: now, freeSince: 0)
      #expect(heldUp == 0)
      return lateness ?? .max
    }
  }

  @Test("a batch leaves at its time, to the step of the spinning, where sleeps end late by less than the time to spin")
  func pacing() {
    var random = SplitMix64(seed: 3)
    for pattern in ArrivalPattern.allCases {
      let late = latenesses(pattern, count: 20_000) { random.next() % Pacer.spinNanoseconds }
      #expect(late.allSatisfy { $0 <= 100 })
    }
  }

  @Test("where a sleep ends later than that, the lateness is told as it was, and the next batch is on time again")
  func oversleeping() {
    var turn = 0
    let late = latenesses(.constant, count: 100) {
      turn += 1
      return turn == 50 ? Pacer.spinNanoseconds + 30_000 : 10_000
    }
    #expect(late.filter { $0 > 100 } == [30_000])
  }

  @Test("a lateness of two gaps is that of the batches that it made late, and the schedule does not move")
  func catchingUp() {
    var pacer = pacer()
    let now = Self.start + 2 * Self.gap + 5
    let late = (0..<3).map { _ in
      #expect(pacer.isDue(now))
      return pacer.departed(at: now, freeSince: 0).lateness
    }
    #expect(late == [2 * Self.gap + 5, Self.gap + 5, 5])
    #expect(!pacer.isDue(now) && pacer.intended == Self.start + 3 * Self.gap)
  }

  @Test("a batch that waited for room is not late by the generator's fault, and the time without room counts once")
  func heldUp() {
    var pacer = pacer()
    let due = Self.start
    pacer.isHeldUp(at: due + 10)
    pacer.isHeldUp(at: due + 500)
    // Two were due when room came; the second still counts as held up.
    let first = pacer.departed(at: due + Self.gap + 1000, freeSince: due + Self.gap + 900)
    #expect(first.lateness == nil && first.heldUp == Self.gap + 990)
    let second = pacer.departed(at: due + Self.gap + 3000, freeSince: due + Self.gap + 900)
    #expect(second.lateness == nil && second.heldUp == 2000)
    let third = pacer.departed(at: due + 2 * Self.gap + 40, freeSince: due)
    #expect(third.lateness == 40 && third.heldUp == 0)
  }

  @Test("what was due before there was room is late from when there was")
  func roomSince() {
    var pacer = pacer()
    #expect(pacer.departed(at: Self.start + 900, freeSince: Self.start + 850).lateness == 50)
  }

  @Test("a closed loop has no times, and one that has ended waits for results only")
  func withoutTimes() {
    var closed = Pacer(.closed, start: Self.start, place: 0, of: 1, seed: 1)
    #expect(closed.isDue(0) && closed.intended == nil && closed.pause(at: 5) == .forResult)
    #expect(closed.departed(at: 10, freeSince: 5).lateness == nil)
    var ended = pacer()
    ended.end()
    #expect(!ended.isDue(.max) && ended.pause(at: Self.start + 1) == .forResult)
  }
}
