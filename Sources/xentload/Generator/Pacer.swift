/// When a generator's next batch should leave, and whether it left late.
struct Pacer {
  /// How to wait for the next batch.
  enum Pause: Equatable {
    /// It is due so soon that a sleep might end too late.
    case spin
    /// A sleep until this time is followed by spinning.
    case sleep(until: UInt64)
    /// Nothing is due at a known time: a result is waited for.
    case forResult
  }

  /// A sleep ends so much before a batch is due, because it may end late; the rest is spun away.
  static let spinNanoseconds: UInt64 = 60_000

  private var arrivals: Arrivals?
  /// When the next batch should leave; nil in a closed loop, where it is when there is room.
  private(set) var intended: UInt64?
  private var hasEnded = false
  /// Since when a batch that is due waits for room; nil if none does.
  private var heldUpSince: UInt64?

  /// - Parameters:
  ///   - place, count: which of how many generators that share the rate.
  init(_ pace: LoadPlan.Pace, start: UInt64, place: Int, of count: Int, seed: UInt64) {
    guard case .open(let rate, let pattern) = pace else { return }
    arrivals = Arrivals(
      start: start, rate: rate / Double(count), pattern: pattern, seed: seed, phase: Double(place) / Double(count))
    intended = arrivals?.next()
  }

  func isDue(_ now: UInt64) -> Bool { !hasEnded && (intended ?? 0) <= now }

  func pause(at now: UInt64) -> Pause {
    guard !hasEnded, let intended else { return .forResult }
    return intended < now + 2 * Self.spinNanoseconds ? .spin : .sleep(until: intended - Self.spinNanoseconds)
  }

  /// Nothing is due any more.
  mutating func end() { hasEnded = true }

  /// Notes that a batch is due and there is no room for it.
  mutating func isHeldUp(at now: UInt64) {
    guard intended != nil, heldUpSince == nil else { return }
    heldUpSince = now
  }

  /// Notes that a batch has left.
  /// - Parameter freeSince: since when there was room for it.
  /// - Returns: how late it was for no reason but the generator itself, nil in a closed loop; and how long it was held
  ///   up by a lack of room.
  mutating func departed(at now: UInt64, freeSince: UInt64) -> (lateness: UInt64?, heldUp: UInt64) {
    guard let time = intended else { return (nil, 0) }
    intended = arrivals?.next()
    guard let since = heldUpSince else { return (now - min(max(time, freeSince), now), 0) }
    // What was due meanwhile is late because of it, too; the time counts once.
    if let next = intended, next > now { heldUpSince = nil } else { heldUpSince = now }
    return (nil, now - min(since, now))
  }
}
