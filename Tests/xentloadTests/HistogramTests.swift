import Testing

@testable import xentload

@Suite("Histograms")
struct HistogramTests {
  @Test("merged intervals are the interval in which all was noted")
  func merging() {
    var random = SplitMix64(seed: 5)
    var whole = Interval()
    var merged = Interval()
    for _ in 0..<8 {
      var part = Interval()
      for _ in 0..<1000 {
        let time = random.next() >> (20 + random.next() % 30)
        part.latencies.corrected.note(time)
        whole.latencies.corrected.note(time)
        part.batchCount += 1
      }
      merged.add(part)
    }
    #expect(merged.latencies.corrected == whole.latencies.corrected)
    #expect(merged.batchCount == 8000)
    for percentile in [0.0, 50, 99, 99.9, 100] {
      #expect(
        merged.latencies.corrected.seconds(at: percentile) == whole.latencies.corrected.seconds(at: percentile))
    }
  }

  @Test("what is longer than an hour counts as an hour")
  func longest() {
    var times = TimeCounts()
    times.note(.max)
    #expect(times.totalCount == 1)
    #expect(abs(times.seconds(at: 50) / 3600 - 1) < 0.002)
  }

  @Test("counts of times are those of the library's histogram, and none are left when they are emptied")
  func counts() {
    var random = SplitMix64(seed: 11)
    var times = TimeCounts()
    for round in 0..<3 {
      var histogram = LatencyHistogram.forTimes()
      // Every magnitude up to an hour, and the edges of each bucket.
      let powers = (0..<41).map { UInt64(1) << $0 }
      let edges = powers + powers.map { $0 - 1 } + powers.map { $0 + 1 } + [LatencyHistogram.highest]
      let values = edges + (0..<20_000).map { _ in random.next() >> (23 + random.next() % 40) }
      for value in values where round != 2 {
        times.note(value)
        histogram.record(value)
      }
      #expect(times.totalCount == histogram.totalCount)
      #expect(times.histogram.encoded == histogram.encoded)
      for percentile in [0.0, 1, 50, 99, 99.99, 100] where round != 2 {
        #expect(times.seconds(at: percentile) == histogram.seconds(at: percentile))
      }
      #expect(round == 2 || times.meanSeconds == histogram.meanSeconds)
      times.reset()
      #expect(times == TimeCounts())
    }
  }

  @Test(
    "numbers in ZigZag LEB128",
    arguments: [
      (0, [0]), (-1, [1]), (1, [2]), (-64, [0x7f]), (64, [0x80, 0x01]), (300, [0xd8, 0x04]),
      (.max, [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), (.min, Array(repeating: 0xff, count: 9)),
    ] as [(Int64, [UInt8])])
  func zigZag(number: Int64, bytes: [UInt8]) {
    var written: [UInt8] = []
    LatencyHistogram.append(number, to: &written)
    #expect(written == bytes)
  }

  @Test(
    "base 64 as RFC 4648 has it",
    arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")])
  func base64(text: String, encoded: String) { #expect(Base64.encoded(Array(text.utf8)) == encoded) }

  @Test("three windows within 10 % of their mean are stable, and fewer or others are not")
  func stability() {
    func window(_ count: Int, p99: UInt64) -> Interval {
      var window = Interval()
      (window.start, window.end, window.batchCount) = (1, 1_000_000_001, count)
      window.latencies.corrected.note(p99)
      return window
    }
    let steady = [window(100, p99: 1_000_000), window(105, p99: 1_050_000), window(95, p99: 960_000)]
    #expect(Stability(steady).isStable)
    #expect(!Stability(Array(steady.prefix(2))).isStable)
    #expect(!Stability(steady + [window(130, p99: 1_000_000)]).isStable)
    #expect(!Stability(steady + [window(100, p99: 1_400_000)]).isStable)
    #expect(Stability([window(900, p99: 9_000_000)] + steady).isStable)
  }
}
