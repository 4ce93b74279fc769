import ZeroMQ

/// The frame by which a ROUTER knows a client. One of up to 16 bytes, as all are that libzmq itself gives, is held without
/// an allocation.
struct ClientName: Hashable {
  private let head: (UInt64, UInt64)
  private let byteCount: Int
  /// What is behind the head.
  private let tail: [UInt8]

  init(_ frame: borrowing Message) {
    let bytes = frame.unsafeBytes
    var head: (UInt64, UInt64) = (0, 0)
    withUnsafeMutableBytes(of: &head) { $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes.prefix(16))) }
    self.head = head
    byteCount = bytes.count
    tail = bytes.count > 16 ? Array(bytes[16...]) : []
  }

  static func == (one: ClientName, other: ClientName) -> Bool {
    one.head == other.head && one.byteCount == other.byteCount && one.tail == other.tail
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(head.0)
    hasher.combine(head.1)
    hasher.combine(byteCount)
    hasher.combine(tail)
  }
}
