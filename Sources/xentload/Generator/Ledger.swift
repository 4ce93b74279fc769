/// What is in flight: each batch that was sent and has no result yet.
///
/// A sequence number holds the place where its batch is noted and how often that place was used, so that any number
/// that comes back is known at once for a first answer, for a second one, or for one that was never asked for.
struct Ledger {
  struct Entry {
    var batch: Int
    var connection: Int
    /// When it should have left, and when it did: `Clock.now()`.
    var intended: UInt64
    var sent: UInt64
    /// Whether it left when the warm-up was over.
    var isMeasured: Bool
  }

  enum Landing {
    case first(Entry)
    case duplicate
    /// No such sequence number was ever sent.
    case foreign
  }

  private static let placeBits: UInt64 = 24
  private var entries: [Entry] = []
  private var uses: [UInt64] = []
  private var isInFlight: [Bool] = []
  private var free: [Int] = []
  private(set) var count = 0

  /// Notes a batch.
  /// - Returns: its sequence number.
  mutating func depart(_ entry: Entry) -> UInt64 {
    count += 1
    guard let place = free.popLast() else {
      entries.append(entry)
      uses.append(1)
      isInFlight.append(true)
      return sequence(entries.count - 1)
    }
    entries[place] = entry
    uses[place] += 1
    isInFlight[place] = true
    return sequence(place)
  }

  /// Notes a result.
  mutating func land(_ sequence: UInt64) -> Landing {
    let place = Int(sequence & (1 << Self.placeBits - 1))
    let use = sequence >> Self.placeBits
    guard place < entries.count, use >= 1, use <= uses[place] else { return .foreign }
    guard use == uses[place], isInFlight[place] else { return .duplicate }
    isInFlight[place] = false
    free.append(place)
    count -= 1
    return .first(entries[place])
  }

  /// Forgets a batch that did not leave after all.
  mutating func cancel(_ sequence: UInt64) { _ = land(sequence) }

  /// The sequence numbers that wait for a result.
  var missing: [UInt64] { isInFlight.indices.filter { isInFlight[$0] }.map(sequence) }

  private func sequence(_ place: Int) -> UInt64 { uses[place] << Self.placeBits | UInt64(place) }
}
