import XentProtocol
import ZeroMQ

/// The memory for one request on its way through a round: its frames, its result, and whom the result is for. Slots are
/// used again, so that a steady stream of requests allocates nothing but what libzmq does for the bytes.
final class BatchSlot {
  /// On a router lane, the frame that names the client.
  var client = Message()
  /// Whether an empty frame stands between the client's name and the request, and so before the result.
  private(set) var hasDelimiter = false
  private var frames = InlineArray<5, Message> { _ in Message() }
  /// Where frames go that a request has no room for.
  private var surplus = Message()
  private(set) var request = RequestFrames()
  var plan: RequestPlan?
  var result = Message()

  /// Whether the result says only why the request was not computed.
  var isRefusal: Bool {
    if case .refusal = plan { true } else { false }
  }

  /// Takes the frames of one request.
  ///
  /// - Parameters:
  ///   - takesDelimiter: whether an empty first frame is a delimiter and not part of the request.
  ///   - receive: puts the next frame in a message; false where there is none.
  /// - Returns: whether a request was there.
  func fill(
    takesDelimiter: Bool, _ receive: (inout Message) throws(ZeroMQError) -> Bool
  ) throws(ZeroMQError) -> Bool {
    request = RequestFrames()
    plan = nil
    hasDelimiter = false
    guard try receive(&frames[0]) else { return false }
    if takesDelimiter, frames[0].byteCount == 0 {
      hasDelimiter = true
      if frames[0].hasMore { _ = try receive(&frames[0]) }
    }
    request.append(frames[0].unsafeBytes)
    var hasMore = frames[0].hasMore
    while hasMore {
      hasMore =
        try request.count < RequestFrames.largestCount ? take(&frames[request.count], receive) : take(&surplus, receive)
    }
    surplus.release()
    return true
  }

  private func take(
    _ message: inout Message, _ receive: (inout Message) throws(ZeroMQError) -> Bool
  ) throws(ZeroMQError) -> Bool {
    guard try receive(&message) else { return false }
    request.append(message.unsafeBytes)
    return message.hasMore
  }

  /// Lets the request's bytes go.
  func releaseRequest() {
    for index in 0..<min(request.count, RequestFrames.largestCount) { frames[index].release() }
    request = RequestFrames()
  }
}
