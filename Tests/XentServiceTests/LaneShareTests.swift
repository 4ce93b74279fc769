import TestSupport
import Testing

@testable import XentService

@Suite("Shares of lanes")
struct LaneShareTests {
  /// Takes requests from lanes that always have one, and says how many bytes each gave.
  ///
  /// - Parameter sizes: the size of each lane's next request.
  private func served(_ laneCount: Int, requests: Int, sizes: (Int) -> Int) -> [Int] {
    var shares = [LaneShare](repeating: LaneShare(), count: laneCount)
    var bytes = [Int](repeating: 0, count: laneCount)
    var now = 0
    for _ in 0..<requests {
      let index = shares.indices.min { shares[$0].start(now: now) < shares[$1].start(now: now) }!
      let size = sizes(index)
      now = shares[index].start(now: now)
      shares[index].take(byteCount: size, now: now)
      bytes[index] += size
    }
    return bytes
  }

  @Test("lanes that always have something give the same bytes, whatever the size of their requests")
  func sameBytes() {
    for sizes in [[64 << 20, 1 << 10], [100_000, 100_000, 7_000_000], [1 << 20, 3 << 20, 64 << 20, 5 << 20]] {
      let bytes = served(sizes.count, requests: 200_000) { sizes[$0] }
      // Tiny requests are charged for more than their bytes.
      let charged = zip(bytes, sizes).map { $0 + $0 / $1 * 4096 }
      #expect(charged.max()! - charged.min()! <= sizes.max()! + 4096, "\(sizes): \(bytes)")
    }
  }

  @Test("requests of random sizes make no difference")
  func randomSizes() {
    var random = SplitMix64(seed: 5)
    let bytes = served(3, requests: 30_000) { lane in 1 + Int(random.next() % (lane == 0 ? 9_000_000 : 90_000)) }
    let charged = bytes.max()! - bytes.min()!
    #expect(Double(charged) < 0.1 * Double(bytes.max()!), "\(bytes)")
  }

  @Test("a lane that was silent is served next, and has saved nothing up")
  func silence() {
    var loud = LaneShare()
    var quiet = LaneShare()
    var now = 0
    for _ in 0..<1000 {
      now = loud.start(now: now)
      loud.take(byteCount: 1 << 20, now: now)
    }
    #expect(quiet.start(now: now) < loud.start(now: now))
    for _ in 0..<2 {
      now = quiet.start(now: now)
      quiet.take(byteCount: 1 << 20, now: now)
    }
    #expect(loud.start(now: now) < quiet.start(now: now), "one request was its share")
  }
}
