/// How long a result may take before its batch counts as lost: a multiple of the recent 99th percentile of round trips, and
/// never less than a floor. Each attempt has a sequence number of its own, so no round trip is mistaken for another's.
struct Pace {
  private static let recentCount = 512
  private static let multiple = 4.0
  static let longestSeconds = 60.0

  private let floorSeconds: Double
  private var recent: [Double] = []
  private var place = 0
  /// What the first attempt at a batch may take. Until a round trip was seen, nobody knows what is slow.
  private(set) var allowanceSeconds: Double

  init(floorSeconds: Double) {
    self.floorSeconds = floorSeconds
    allowanceSeconds = 2 * floorSeconds
  }

  /// Learns of a result that came this long after its batch was sent.
  mutating func saw(roundTripSeconds: Double) {
    if recent.count < Self.recentCount {
      recent.append(roundTripSeconds)
    } else {
      recent[place] = roundTripSeconds
    }
    place = (place + 1) % Self.recentCount
    guard place % 64 == 0 || recent.count < 8 || roundTripSeconds > allowanceSeconds else { return }
    let slow = recent.sorted()[(recent.count - 1) * 99 / 100]
    allowanceSeconds = min(max(floorSeconds, Self.multiple * slow), Self.longestSeconds)
  }

  /// What an attempt may take: twice as long for each one before it, and never two batches quite the same.
  func allowanceSeconds(attempt: Int) -> Double {
    let doubled = allowanceSeconds * Double(1 << min(attempt - 1, 6))
    return min(doubled, Self.longestSeconds) * .random(in: 1...1.25)
  }

  /// How long to leave a daemon alone that said it could not, for once.
  static func busySeconds(_ retryAfterMilliseconds: UInt32, attempt: Int) -> Double {
    let least = max(0.01, Double(retryAfterMilliseconds) / 1000)
    return min(least * Double(1 << min(attempt - 1, 6)), 5) * .random(in: 1...1.25)
  }
}
