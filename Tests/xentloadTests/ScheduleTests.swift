import Glibc
import Testing

@testable import xentload

@Suite("Arrivals and the choice of batches")
struct ScheduleTests {
  private func gaps(_ pattern: ArrivalPattern, seed: UInt64 = 7, count: Int = 20_000) -> [Double] {
    var arrivals = Arrivals(start: 1000, rate: 5000, pattern: pattern, seed: seed)
    let times = (0...count).map { _ in arrivals.next() }
    return zip(times, times.dropFirst()).map { Double($1 - $0) }
  }

  @Test("constant arrivals are as far apart as the rate says")
  func constant() { #expect(gaps(.constant).allSatisfy { abs($0 - 200_000) <= 1 }) }

  @Test("Poisson arrivals have the rate's mean gap, and gaps that deviate as much as their mean")
  func poisson() {
    let gaps = gaps(.poisson)
    let mean = gaps.reduce(0, +) / Double(gaps.count)
    let variance = gaps.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(gaps.count)
    #expect(abs(mean / 200_000 - 1) < 0.03)
    #expect(abs(variance.squareRoot() / mean - 1) < 0.05)
  }

  @Test("the same seed gives the same arrivals, another one others")
  func seeds() {
    #expect(gaps(.poisson, seed: 3) == gaps(.poisson, seed: 3))
    #expect(gaps(.poisson, seed: 3) != gaps(.poisson, seed: 4))
  }

  @Test("generators that share a rate interleave")
  func phases() {
    var schedules = (0..<4).map { place in
      Arrivals(start: 0, rate: 250, pattern: .constant, seed: 1, phase: Double(place) / 4)
    }
    #expect(schedules.indices.map { schedules[$0].next() } == [0, 1_000_000, 2_000_000, 3_000_000])
  }

  @Test("groups of batches are sent as often as their weights say, and each batch of a group equally")
  func weights() throws {
    let path = try Self.mixFile()
    defer { unlink(path) }
    let mix = try ShapeMix(file: path)
    let workload = mix.workload(flags: [], seed: 1)
    var picker = BatchPicker(workload, seed: 2)
    var counts = Array(repeating: 0, count: workload.batches.count)
    let total = 40_000
    for _ in 0..<total { counts[picker.next()] += 1 }
    for (group, share) in zip(workload.groups, [0.75, 0.25]) {
      let ofGroup = counts[group.batches]
      #expect(abs(Double(ofGroup.reduce(0, +)) / Double(total) - share) < 0.01)
      #expect(ofGroup.max()! - ofGroup.min()! <= 1)
    }
  }

  private static func mixFile() throws -> String {
    let path = "/tmp/xentload-mix-\(UInt64.random(in: 0 ... .max)).yaml"
    try TextFile(path).write("- {rows: 2, classes: 3, weight: 3}\n- {rows: 1, classes: 9, type: f16, labels: onehot}\n")
    return path
  }
}
