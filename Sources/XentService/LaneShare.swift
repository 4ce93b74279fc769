/// A lane's part of what is taken from all lanes. The lane that begins first by these times is served first, which gives
/// all lanes that have something the same bytes, whatever the size of their requests, and lets none save up what it did
/// not use.
///
/// - Source: Goyal, Vin & Cheng, "Start-time fair queueing", 1996.
struct LaneShare {
  /// What a request costs besides its bytes: a lane of tiny ones takes time too.
  private static let costOfRequest = 4 << 10

  /// In bytes of the service's virtual time, when what was taken of this lane is paid for.
  private var end = 0
  /// Bytes that were taken, of late more than of old.
  private(set) var recentByteCount = 0

  /// When the lane's next request begins.
  /// - Parameter now: when the request began that was taken last, of whichever lane.
  func start(now: Int) -> Int { max(now, end) }

  mutating func take(byteCount: Int, now: Int) {
    end = start(now: now) + byteCount + Self.costOfRequest
    recentByteCount += byteCount
  }

  /// Makes what was taken count half as much.
  mutating func age() { recentByteCount /= 2 }
}
