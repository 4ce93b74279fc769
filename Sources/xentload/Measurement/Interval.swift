/// What one generator did between two moments.
struct Interval {
  /// `Clock.now()`.
  var start: UInt64 = 0
  var end: UInt64 = 0
  var batchCount = 0
  var rowCount = 0
  /// Of the requests whose results came.
  var byteCount = 0
  var sentCount = 0
  /// Answers that ask for the batch to be sent again, by their status.
  var turnedAwayCounts: [String: Int] = [:]
  var latencies = Latencies()
  /// How late batches left that nothing but the generator held up.
  var lateness = TimeCounts()
  /// In which the generator waited or had nothing to do.
  var idleNanoseconds: UInt64 = 0
  /// In which a batch was due and the window was full or the socket had no room.
  var heldUpNanoseconds: UInt64 = 0

  /// Empties it for another use.
  mutating func reset(start: UInt64) {
    self.start = start
    end = start
    batchCount = 0
    rowCount = 0
    byteCount = 0
    sentCount = 0
    turnedAwayCounts.removeAll(keepingCapacity: true)
    latencies.reset()
    lateness.reset()
    idleNanoseconds = 0
    heldUpNanoseconds = 0
  }

  /// Adds what another generator did at the same time, or this one next.
  mutating func add(_ other: Interval) {
    start = start == 0 ? other.start : min(start, other.start)
    end = max(end, other.end)
    batchCount += other.batchCount
    rowCount += other.rowCount
    byteCount += other.byteCount
    sentCount += other.sentCount
    turnedAwayCounts.merge(other.turnedAwayCounts, uniquingKeysWith: +)
    latencies.add(other.latencies)
    lateness.add(other.lateness)
    idleNanoseconds += other.idleNanoseconds
    heldUpNanoseconds += other.heldUpNanoseconds
  }

  var seconds: Double { Double(nanoseconds: end - start) }
  var batchesPerSecond: Double { seconds > 0 ? Double(batchCount) / seconds : .nan }
  var rowsPerSecond: Double { seconds > 0 ? Double(rowCount) / seconds : .nan }
  var bytesPerSecond: Double { seconds > 0 ? Double(byteCount) / seconds : .nan }
  var turnedAwayCount: Int { turnedAwayCounts.values.reduce(0, +) }
}
