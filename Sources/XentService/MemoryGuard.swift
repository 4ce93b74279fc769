import Glibc
import ZeroMQ

/// Watches the memory of the process, and says when its limit must be kept by force: libzmq queues messages by their
/// number, and parts of an unfinished message without any bound.
///
/// The allocator keeps what was freed, and gives it back when that matters.
struct MemoryGuard: ~Copyable {
  /// In bytes of resident memory.
  let limit: Int
  private let statistics: Int32
  private var nextLookAt: UInt64 = 0
  private(set) var residentByteCount = 0
  /// What was left when the allocator had given back what it kept.
  private var trimmedByteCount = 0

  /// How often the memory is looked at, at the most.
  private static let period: UInt64 = 5_000_000
  /// As fast as anybody may fill memory, in bytes a second.
  private static let fastestFilling = 4_000_000_000
  /// A pause that is shorter is none.
  private static let restingTime: UInt64 = 500_000_000
  /// Less than this is not worth giving back.
  private static let worthTrimming = 64 << 20

  init(limit: Int) {
    self.limit = limit
    statistics = Glibc.open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
  }

  deinit { close(statistics) }

  /// Whether something that is held must be let go. Looks at the memory, if it has not done so just now.
  ///
  /// - Parameter isLettingGo: whether something that was held is being let go: its memory is not back yet.
  mutating func wantsRoom(at now: UInt64, isLettingGo: () throws(ZeroMQError) -> Bool) throws(ZeroMQError) -> Bool {
    guard now >= nextLookAt else { return false }
    nextLookAt = now + Self.period
    residentByteCount = readResident()
    guard residentByteCount > limit, try !isLettingGo() else { return false }
    // What nobody holds any more, the allocator may keep.
    trim()
    return residentByteCount > limit
  }

  /// Gives back what the allocator keeps of a burst that is over.
  mutating func rest(since start: UInt64, now: UInt64) {
    guard now >= start + Self.restingTime, residentByteCount > trimmedByteCount + Self.worthTrimming else { return }
    trim()
  }

  /// How long memory cannot pass the limit, however fast it is filled, in milliseconds.
  var safeMilliseconds: Int {
    max(Int(Self.period / 1_000_000), (limit - residentByteCount) / (Self.fastestFilling / 1000))
  }

  private mutating func trim() {
    Allocator.giveBack()
    residentByteCount = readResident()
    trimmedByteCount = residentByteCount
  }

  /// Reads the second number of `/proc/self/statm`, in pages. 0 where there is no such file.
  private func readResident() -> Int {
    var text: InlineArray<128, UInt8> = .init(repeating: 0)
    var span = text.mutableSpan
    let count = span.withUnsafeMutableBytes { pread(statistics, $0.baseAddress, $0.count, 0) }
    var pages = 0
    var spaces = 0
    for index in 0..<max(0, count) {
      switch text[index] {
      case UInt8(ascii: " "): spaces += 1
      case let digit where spaces == 1: pages = 10 * pages + Int(digit &- UInt8(ascii: "0"))
      default: break
      }
    }
    return pages * Int(getpagesize())
  }
}
