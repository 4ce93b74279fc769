import XentProtocol
import ZeroMQ

/// The memory for one request on its way through a round: its frames, its result, and whom the result is for. Slots are
/// used again, so that a steady stream of requests allocates nothing but what libzmq does for the bytes. As in a `Round`, accesses
/// to what is touched for each are not checked at run time.
final class BatchSlot {
  /// Where the request came from, and its result goes.
  @exclusivity(unchecked) var lane: (any Lane)?
  /// On a router lane, the frame that names the client.
  @exclusivity(unchecked) var client = Message()
  /// Whether an empty frame stands between the client's name and the request, and so before the result.
  @exclusivity(unchecked) private(set) var hasDelimiter = false
  @exclusivity(unchecked) private var frames = InlineArray<5, Message> { _ in Message() }
  /// Where frames go that a request has no room for.
  @exclusivity(unchecked) private var surplus = Message()
  @exclusivity(unchecked) private(set) var request = RequestFrames()
  /// What the request asks for; nil where none was read.
  @exclusivity(unchecked) var kind: RequestKind?
  /// Of a batch.
  @exclusivity(unchecked) var plan = BatchPlan()
  @exclusivity(unchecked) var result = Message()
  /// Of the one for whom the result is.
  @exclusivity(unchecked) var account: ResultAccount?
  /// What is held free there for the result.
  @exclusivity(unchecked) private var reservedByteCount = 0
  /// When the turn ended before the one that took the request.
  @exclusivity(unchecked) var lastTurnEndedAt: UInt64 = 0

  /// Whether the result says only why the request was not computed.
  var isRefusal: Bool {
    if case .refusal = kind { true } else { false }
  }

  /// Takes the frames of one request.
  ///
  /// - Parameters:
  ///   - takesDelimiter: whether an empty first frame is a delimiter and not part of the request.
  ///   - byteLimit: frames past so many bytes are counted, not kept: the request is refused.
  ///   - receive: puts the next frame in a message; false where there is none.
  /// - Returns: whether a request was there.
  func fill(
    takesDelimiter: Bool, byteLimit: Int, _ receive: (inout Message) throws(ZeroMQError) -> Bool
  ) throws(ZeroMQError) -> Bool {
    request = RequestFrames()
    kind = nil
    hasDelimiter = false
    guard try receive(&frames[0]) else { return false }
    if takesDelimiter, frames[0].byteCount == 0 {
      hasDelimiter = true
      if frames[0].hasMore { _ = try receive(&frames[0]) }
    }
    request.append(frames[0].unsafeBytes)
    var hasMore = frames[0].hasMore
    while hasMore {
      if request.count < RequestFrames.largestCount, request.byteCount <= byteLimit {
        let index = request.count
        guard try receive(&frames[index]) else { break }
        request.append(frames[index].unsafeBytes)
        hasMore = frames[index].hasMore
      } else {
        guard try receive(&surplus) else { break }
        request.append(forgottenByteCount: surplus.byteCount)
        hasMore = surplus.hasMore
      }
    }
    surplus.release()
    return true
  }

  /// Makes a batch that was planned one that is not computed.
  func refuse(_ status: Status, _ message: String) {
    kind = .refusal(Refusal(status: status, message: message, answering: plan.request.header))
  }

  /// Holds room free for the result, until its memory is there or it is known that there will be none.
  func reserve(byteCount: Int) {
    reservedByteCount = byteCount
    account?.reserve(byteCount)
  }

  func endReservation() {
    account?.reserve(-reservedByteCount)
    reservedByteCount = 0
  }

  /// Gives the result new memory.
  func allocateResult(byteCount: Int) throws(ZeroMQError) {
    try allocate(&result, byteCount: byteCount)
  }

  /// Moves the result to memory that has room for more bytes behind it.
  func extendResult(by byteCount: Int) throws(ZeroMQError) {
    var larger = Message()
    try allocate(&larger, byteCount: result.byteCount + byteCount)
    larger.unsafeMutableBytes.copyBytes(from: result.unsafeBytes)
    result.take(from: &larger)
  }

  private func allocate(_ message: inout Message, byteCount: Int) throws(ZeroMQError) {
    if let account, byteCount >= ResultAccount.countedByteCount {
      try message.allocate(byteCount: byteCount, countedBy: account.ledger)
    } else {
      try message.allocate(byteCount: byteCount)
    }
  }

  /// Lets the request's bytes go.
  func releaseRequest() {
    for index in 0..<min(request.count, RequestFrames.largestCount) { frames[index].release() }
    request = RequestFrames()
  }
}
