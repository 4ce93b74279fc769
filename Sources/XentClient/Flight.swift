/// Which batches are under way, where, and which are to be sent again. A batch is completed once: by the result of any of
/// the attempts to deliver it, since it is a function of its bytes.
struct Flight {
  /// An attempt to deliver a batch.
  struct Attempt {
    let index: Int
    /// Which daemon has it.
    let peer: Int
    let byteCount: Int
    /// How many there were of this batch, this one included.
    let number: Int
    let sentAt: Double
    /// When it counts as lost.
    let due: Double
  }

  /// A batch to be sent again, and when.
  private struct Retry {
    let index: Int
    let attempts: Int
    let at: Double
  }

  /// Connections that broke while a batch was under way; and of these, those with nothing else under way.
  struct Breaks: Equatable {
    var count = 0
    var loneCount = 0
  }

  /// After so many connections that broke under it a batch is sent with nothing beside it.
  static let breaksUntilAlone = 3
  /// And after so many that broke then it is not sent again.
  static let loneBreaksUntilFailed = 3

  let batchCount: Int
  private(set) var completedCount = 0
  private(set) var underWayByteCount = 0
  private var nextIndex = 0
  private var isCompleted: [Bool]
  /// By sequence number: attempts whose results are awaited, and those that were given up, whose results are welcome.
  private(set) var underWay: [UInt64: Attempt] = [:]
  private var givenUp: [UInt64: Attempt] = [:]
  /// The sequence numbers of those, by batch.
  private var givenUpSequences: [Int: [UInt64]] = [:]
  private var breaks: [Int: Breaks] = [:]
  private var retries: [Retry] = []
  /// Batches that are to be sent alone.
  private var suspects: [Retry] = []

  init(batchCount: Int) {
    self.batchCount = batchCount
    isCompleted = Array(repeating: false, count: batchCount)
  }

  var isComplete: Bool { completedCount == batchCount }
  var underWayCount: Int { underWay.count }

  /// The next batch to be sent beside others, and how many attempts there were before.
  mutating func next(at time: Double) -> (index: Int, attempts: Int)? {
    if let retry = take(from: \.retries, at: time) { return retry }
    guard nextIndex < batchCount else { return nil }
    nextIndex += 1
    return (nextIndex - 1, 0)
  }

  /// The next batch to be sent alone, and how many attempts there were before.
  mutating func nextSuspect(at time: Double) -> (index: Int, attempts: Int)? { take(from: \.suspects, at: time) }

  var hasSuspects: Bool { !suspects.isEmpty }

  private mutating func take(
    from queue: WritableKeyPath<Flight, [Retry]>, at time: Double
  ) -> (index: Int, attempts: Int)? {
    let isCompleted = isCompleted
    self[keyPath: queue].removeAll { isCompleted[$0.index] }
    guard let place = self[keyPath: queue].firstIndex(where: { $0.at <= time }) else { return nil }
    let retry = self[keyPath: queue].remove(at: place)
    return (retry.index, retry.attempts)
  }

  mutating func sent(_ attempt: Attempt, sequence: UInt64) {
    underWay[sequence] = attempt
    underWayByteCount += attempt.byteCount
  }

  /// Takes an attempt that was answered; `wasGivenUp` tells that it had been taken for lost.
  mutating func landed(sequence: UInt64) -> (attempt: Attempt, wasGivenUp: Bool)? {
    if let attempt = underWay.removeValue(forKey: sequence) {
      underWayByteCount -= attempt.byteCount
      return (attempt, false)
    }
    return givenUp.removeValue(forKey: sequence).map { ($0, true) }
  }

  /// - Returns: false where the batch was completed before.
  mutating func complete(_ index: Int) -> Bool {
    guard !isCompleted[index] else { return false }
    isCompleted[index] = true
    completedCount += 1
    breaks[index] = nil
    for sequence in givenUpSequences.removeValue(forKey: index) ?? [] { givenUp[sequence] = nil }
    return true
  }

  /// Has a batch sent again whose attempt was answered, but not computed.
  mutating func retry(_ attempt: Attempt, at time: Double) {
    guard !isCompleted[attempt.index] else { return }
    let retry = Retry(index: attempt.index, attempts: attempt.number, at: time)
    if breaks[attempt.index, default: Breaks()].count >= Self.breaksUntilAlone {
      suspects.append(retry)
    } else {
      retries.append(retry)
    }
  }

  /// Gives up the attempts for which `isLost` holds, and has their batches sent again.
  mutating func giveUp(at time: Double, where isLost: (Attempt) -> Bool) {
    // Oldest first, as they were sent.
    for (sequence, attempt) in underWay.filter({ isLost($1) }).sorted(by: { $0.key < $1.key }) {
      underWay[sequence] = nil
      underWayByteCount -= attempt.byteCount
      guard !isCompleted[attempt.index] else { continue }
      givenUp[sequence] = attempt
      givenUpSequences[attempt.index, default: []].append(sequence)
      retry(attempt, at: time)
    }
  }

  /// Notes that the connection to a daemon broke, before what is under way there is given up.
  ///
  /// - Parameter isReserved: whether the daemon was to have one batch at a time.
  /// - Returns: an attempt of a batch that is not to be sent again, and the breaks that it is to blame for.
  mutating func connectionBroke(peer: Int, isReserved: Bool) -> (attempt: Attempt, breaks: Breaks)? {
    let attempts = underWay.values.filter { $0.peer == peer && !isCompleted[$0.index] }
    for attempt in attempts {
      breaks[attempt.index, default: Breaks()].count += 1
      if isReserved, attempts.count == 1 { breaks[attempt.index]!.loneCount += 1 }
    }
    guard let lone = attempts.first, let seen = breaks[lone.index], seen.loneCount >= Self.loneBreaksUntilFailed else {
      return nil
    }
    return (lone, seen)
  }
}
