import DequeModule
import ZeroMQ

/// What is held of results for one consumer: a pipeline lane's, or one client of a router lane. Results that wait are in
/// the order in which they are to leave.
final class ResultAccount {
  /// Results of at least this many bytes are counted until libzmq has let them go. Of smaller ones, libzmq's high-water
  /// mark is bound enough: 2 MiB for a peer.
  static let countedByteCount = 16 << 10

  /// Of large results, from their allocation until libzmq has let them go.
  let ledger: ByteLedger
  /// Counts what this one counts too.
  private let whole: ResultAccount?
  @exclusivity(unchecked) private(set) var waiting: Deque<WaitingResult> = []
  /// Of all results that wait.
  private(set) var waitingByteCount = 0
  /// Of refusals that wait, and what they take besides.
  private(set) var refusalByteCount = 0
  /// Of results that wait and that the ledger does not count, and what they take besides.
  private var smallByteCount = 0
  /// For batches that were taken and have no result yet.
  @exclusivity(unchecked) private var reservedByteCount = 0

  init(partOf whole: ResultAccount? = nil) {
    self.whole = whole
    ledger = ByteLedger(partOf: whole?.ledger)
  }

  /// Bytes that are held or promised.
  var heldByteCount: Int { ledger.byteCount + smallByteCount + reservedByteCount }

  /// - Parameter byteCount: may be negative, for what is given back.
  func reserve(_ byteCount: Int) {
    reservedByteCount += byteCount
    whole?.reserve(byteCount)
  }

  func append(_ result: WaitingResult) {
    waiting.append(result)
    count(result, times: 1)
  }

  func removeFirst() { count(waiting.removeFirst(), times: -1) }

  private func count(_ result: WaitingResult, times: Int) {
    waitingByteCount += times * result.byteCount
    let allByteCount = result.byteCount + WaitingResult.ownByteCount
    if result.isRefusal { refusalByteCount += times * allByteCount }
    if result.byteCount < Self.countedByteCount { smallByteCount += times * allByteCount }
    whole?.count(result, times: times)
  }
}

/// A result that libzmq did not take yet.
final class WaitingResult {
  /// About what one takes besides the result's bytes.
  static let ownByteCount = 512

  var client = Message()
  let hasDelimiter: Bool
  var result = Message()
  let byteCount: Int
  let isRefusal: Bool

  /// Takes the result out of a slot.
  init(_ slot: BatchSlot) {
    isRefusal = slot.isRefusal
    byteCount = slot.result.byteCount
    hasDelimiter = slot.hasDelimiter
    client.take(from: &slot.client)
    result.take(from: &slot.result)
  }
}
