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

  let batchCount: Int
  private(set) var completedCount = 0
  private(set) var underWayByteCount = 0
  private var nextIndex = 0
  private var isCompleted: [Bool]
  /// By sequence number: attempts whose results are awaited, and those that were given up, whose results are welcome.
  private(set) var underWay: [UInt64: Attempt] = [:]
  private var givenUp: [UInt64: Attempt] = [:]
  private var retries: [Retry] = []

  init(batchCount: Int) {
    self.batchCount = batchCount
    isCompleted = Array(repeating: false, count: batchCount)
  }

  var isComplete: Bool { completedCount == batchCount }
  var underWayCount: Int { underWay.count }

  /// The next batch to be sent, and how many attempts there were before.
  mutating func next(at time: Double) -> (index: Int, attempts: Int)? {
    retries.removeAll { isCompleted[$0.index] }
    if let place = retries.firstIndex(where: { $0.at <= time }) {
      let retry = retries.remove(at: place)
      return (retry.index, retry.attempts)
    }
    guard nextIndex < batchCount else { return nil }
    nextIndex += 1
    return (nextIndex - 1, 0)
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
    return true
  }

  /// Has a batch sent again whose attempt was answered, but not computed.
  mutating func retry(_ attempt: Attempt, at time: Double) {
    guard !isCompleted[attempt.index] else { return }
    retries.append(Retry(index: attempt.index, attempts: attempt.number, at: time))
  }

  /// Gives up the attempts for which `isLost` holds, and has their batches sent again.
  mutating func giveUp(at time: Double, where isLost: (Attempt) -> Bool) {
    for (sequence, attempt) in underWay where isLost(attempt) {
      underWay[sequence] = nil
      underWayByteCount -= attempt.byteCount
      guard !isCompleted[attempt.index] else { continue }
      givenUp[sequence] = attempt
      retry(attempt, at: time)
    }
  }
}
