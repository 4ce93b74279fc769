import CZeroMQ
import Glibc

/// One frame: owns a `zmq_msg_t`, whose bytes are read and written in place and never copied.
///
/// The `zmq_msg_t` lives on the heap, because libzmq does not allow it to move, for as long as the message: receiving
/// into a message, or giving it new bytes, uses it again. `@unchecked Sendable`: it has one owner, and nothing in it
/// belongs to a thread.
package struct Message: ~Copyable, @unchecked Sendable {
  let storage: UnsafeMutablePointer<zmq_msg_t>

  /// An empty message.
  package init() {
    storage = .allocate(capacity: 1)
    zmq_msg_init(storage)
  }

  /// A message of new bytes, which hold anything.
  package init(byteCount: Int) throws(ZeroMQError) {
    self.init()
    try allocate(byteCount: byteCount)
  }

  package init(copying bytes: UnsafeRawBufferPointer) throws(ZeroMQError) {
    self.init()
    try allocate(byteCount: bytes.count)
    unsafeMutableBytes.copyMemory(from: bytes)
  }

  /// A message of the text's UTF-8.
  package init(copying text: String) throws(ZeroMQError) {
    try self.init(byteCount: text.utf8.count)
    unsafeMutableBytes.copyBytes(from: text.utf8)
  }

  /// A message that is these bytes, not a copy: they must stay as they are until the context has ended.
  package init(borrowing bytes: UnsafeRawBufferPointer) throws(ZeroMQError) {
    self.init()
    let start = UnsafeMutableRawPointer(mutating: bytes.baseAddress)
    // The function that libzmq calls when it is done with the bytes; without one it takes them for constants.
    guard zmq_msg_init_data(storage, start, bytes.count, { _, _ in }, nil) == 0 else {
      zmq_msg_init(storage)
      throw ZeroMQError("borrow \(bytes.count) bytes")
    }
  }

  deinit {
    zmq_msg_close(storage)
    storage.deallocate()
  }

  /// Gives the message new bytes, which hold anything, for the ones it had.
  package mutating func allocate(byteCount: Int) throws(ZeroMQError) {
    zmq_msg_close(storage)
    guard zmq_msg_init_size(storage, byteCount) == 0 else {
      let error = ZeroMQError("allocate \(byteCount) bytes")
      zmq_msg_init(storage)
      throw error
    }
  }

  /// Gives the message new bytes, which hold anything, for the ones it had; they are counted until nobody has them.
  package mutating func allocate(byteCount: Int, countedBy ledger: ByteLedger) throws(ZeroMQError) {
    release()
    guard let block = CountedBytes.allocate(byteCount: byteCount, ledger: ledger) else {
      throw ZeroMQError("allocate \(byteCount) bytes")
    }
    let bytes = block + CountedBytes.headerByteCount
    // libzmq's I/O thread may be the last to hold the bytes, and so to call the function.
    guard zmq_msg_init_data(storage, bytes, byteCount, { _, block in CountedBytes.free(block!) }, block) == 0 else {
      let error = ZeroMQError("allocate \(byteCount) bytes")
      CountedBytes.free(block)
      zmq_msg_init(storage)
      throw error
    }
  }

  /// Lets the bytes go.
  package mutating func release() {
    zmq_msg_close(storage)
    zmq_msg_init(storage)
  }

  /// Takes the bytes of another message, which is empty afterwards.
  package mutating func take(from other: inout Message) {
    zmq_msg_move(storage, other.storage)
  }

  package var byteCount: Int { zmq_msg_size(storage) }

  /// Whether more frames of the same message follow.
  package var hasMore: Bool { zmq_msg_more(storage) != 0 }

  /// The bytes, for as long as the message is neither changed nor let go. They need not be aligned.
  package var unsafeBytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: zmq_msg_data(storage), count: byteCount)
  }

  /// The bytes, for as long as the message is neither changed nor let go. They need not be aligned.
  package var unsafeMutableBytes: UnsafeMutableRawBufferPointer {
    mutating get { UnsafeMutableRawBufferPointer(start: zmq_msg_data(storage), count: byteCount) }
  }
}

/// Memory whose first bytes say how much it is and who counts it.
private enum CountedBytes {
  static let headerByteCount = 64
  private static let ledgerOffset = 8

  /// - Returns: nil where there is no memory.
  static func allocate(byteCount: Int, ledger: ByteLedger) -> UnsafeMutableRawPointer? {
    guard let block = malloc(headerByteCount + byteCount) else { return nil }
    block.storeBytes(of: byteCount, as: Int.self)
    block.storeBytes(
      of: Unmanaged.passRetained(ledger).toOpaque(), toByteOffset: ledgerOffset, as: UnsafeMutableRawPointer.self)
    ledger.add(byteCount)
    return block
  }

  static func free(_ block: UnsafeMutableRawPointer) {
    let byteCount = block.load(as: Int.self)
    let ledger = Unmanaged<ByteLedger>.fromOpaque(
      block.load(fromByteOffset: ledgerOffset, as: UnsafeMutableRawPointer.self))
    Glibc.free(block)
    ledger.takeUnretainedValue().add(-byteCount)
    ledger.release()
  }
}
