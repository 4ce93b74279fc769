/// How often each time was noted: the counts of a `LatencyHistogram`, and nothing else.
///
/// A generator notes five times for each result, on a processor that it shares with the daemon. The library's generic
/// histogram takes a good part of a microsecond for them, and as much as a batch's verification to empty; this takes
/// some nanoseconds. What is read of it is read by the library.
struct TimeCounts: Equatable {
  /// As HdrHistogram has it for three digits: each bucket is twice as wide as the one before and has so many halves.
  private static let halfBits = 10
  private static let unitBits = LatencyHistogram.lowest.trailingZeroBitCount
  private static let count = index(of: LatencyHistogram.highest) + 1

  private var counts = [UInt64](repeating: 0, count: Self.count)
  private(set) var totalCount: UInt64 = 0
  /// The places that are not 0 lie in between.
  private var lowest = Self.count
  private var highest = -1
  /// The library tells no more than this for the highest place.
  private var maximum: UInt64 = 0

  /// Notes a time; a longer one than an hour as an hour.
  mutating func note(_ nanoseconds: UInt64) {
    let time = min(nanoseconds, LatencyHistogram.highest)
    let index = Self.index(of: time)
    counts[index] += 1
    totalCount += 1
    lowest = min(lowest, index)
    highest = max(highest, index)
    maximum = max(maximum, time)
  }

  mutating func add(_ other: TimeCounts) {
    guard other.totalCount > 0 else { return }
    for index in other.lowest...other.highest { counts[index] += other.counts[index] }
    totalCount += other.totalCount
    lowest = min(lowest, other.lowest)
    highest = max(highest, other.highest)
    maximum = max(maximum, other.maximum)
  }

  mutating func reset() {
    guard totalCount > 0 else { return }
    for index in lowest...highest { counts[index] = 0 }
    totalCount = 0
    lowest = Self.count
    highest = -1
    maximum = 0
  }

  var histogram: LatencyHistogram {
    var histogram = LatencyHistogram.forTimes()
    guard totalCount > 0 else { return histogram }
    for index in lowest...highest where counts[index] > 0 {
      histogram.record(index == highest ? maximum : Self.lowestTime(at: index), count: counts[index])
    }
    return histogram
  }

  /// A percentile in seconds; NaN where nothing was noted.
  func seconds(at percentile: Double) -> Double { histogram.seconds(at: percentile) }

  var meanSeconds: Double { histogram.meanSeconds }

  private static func index(of nanoseconds: UInt64) -> Int {
    let units = nanoseconds >> unitBits
    let shift = max(0, UInt64.bitWidth - units.leadingZeroBitCount - (halfBits + 1))
    return shift << halfBits + Int(units >> shift)
  }

  private static func lowestTime(at index: Int) -> UInt64 {
    let shift = max(0, index >> halfBits - 1)
    return UInt64(index - shift << halfBits) << (shift + unitBits)
  }
}
