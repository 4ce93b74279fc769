import Dispatch
import XentProtocol

/// The batches of a run, and how often each is sent.
struct Workload: Sendable {
  /// For reports.
  let description: String
  private(set) var batches: [PreparedBatch]
  /// Batches that are sent in turn, and the weight of each such group.
  let groups: [Group]

  struct Group: Sendable {
    let weight: Double
    let batches: Range<Int>
  }

  init(description: String, batches: [PreparedBatch], groups: [Group]) {
    self.description = description
    self.batches = batches
    self.groups = groups
  }

  /// Has what must come back computed, on all cores.
  mutating func computeExpectations() {
    let batches = self.batches
    let slots = UnsafeMutableBufferPointer<ExpectedBatch?>.allocate(capacity: batches.count)
    slots.initialize(repeating: nil)
    defer {
      slots.deinitialize()
      slots.deallocate()
    }
    // SAFETY: each iteration writes a slot of its own, and all are written when the call returns.
    nonisolated(unsafe) let results = slots
    DispatchQueue.concurrentPerform(iterations: batches.count) { results[$0] = ExpectedBatch(of: batches[$0]) }
    self.batches = zip(batches, slots).map { $0.expecting($1) }
  }

  /// The mean over the groups by their weights.
  private func mean(_ value: (PreparedBatch) -> Int) -> Double {
    let total = groups.reduce(0) { $0 + $1.weight }
    return groups.reduce(0) { sum, group in
      let values = group.batches.map { Double(value(batches[$0])) }
      return sum + group.weight / total * values.reduce(0, +) / Double(values.count)
    }
  }

  var meanRequestByteCount: Double { mean(\.requestByteCount) }
  var meanResultByteCount: Double { mean(\.resultByteCount) }
}

/// Which batch is sent next: a group by its weight, and in it one after the other.
struct BatchPicker {
  private let groups: [Workload.Group]
  private let cumulativeWeights: [Double]
  private var turns: [Int]
  private var random: SplitMix64

  init(_ workload: Workload, seed: UInt64) {
    groups = workload.groups
    var sum = 0.0
    cumulativeWeights = workload.groups.map { group in
      sum += group.weight
      return sum
    }
    turns = Array(repeating: 0, count: workload.groups.count)
    random = SplitMix64(seed: seed)
  }

  /// The place of the next batch in the workload.
  mutating func next() -> Int {
    let group = groups.count == 1 ? 0 : pick()
    defer { turns[group] = (turns[group] + 1) % groups[group].batches.count }
    return groups[group].batches.lowerBound + turns[group]
  }

  private mutating func pick() -> Int {
    let point = random.unit() * cumulativeWeights[cumulativeWeights.count - 1]
    return cumulativeWeights.firstIndex { point < $0 } ?? cumulativeWeights.count - 1
  }
}
