import CLinux
import XentClient
import XentProtocol
import ZeroMQ

/// One thread that sends batches and takes their results, through connections of its own.
///
/// It shares the processor with the daemon: accesses to what is touched for each batch are not checked at run time, which
/// would take a tenth of its time.
final class Generator {
  private static let longestWaitMilliseconds = 10

  let exchange = IntervalExchange()
  @exclusivity(unchecked) private(set) var verifier: Verifier
  private(set) var violations = Violations()
  private(set) var error: (any Error)?
  private(set) var cpuNanoseconds: UInt64 = 0
  @exclusivity(unchecked) var interval = Interval()

  private let plan: LoadPlan
  private let workload: Workload
  private let control: RunControl
  private let client = ClientID.random()
  @exclusivity(unchecked) private var picker: BatchPicker
  @exclusivity(unchecked) private var pacer: Pacer
  @exclusivity(unchecked) private var ledger = Ledger()
  @exclusivity(unchecked) private var links: [Link] = []
  @exclusivity(unchecked) private var nextLink = 0
  private var poller = Poller()
  private let timer = PreciseTimer()
  @exclusivity(unchecked) private var message = Message()
  @exclusivity(unchecked) private var lastProgress: UInt64 = 0
  // The last, so that it ends when the links are gone.
  private let context: Context

  /// - Parameters:
  ///   - place: which of the run's generators it is.
  ///   - connectionCount: its own.
  init(_ plan: LoadPlan, _ workload: Workload, control: RunControl, kernel: String, place: Int, connectionCount: Int)
    throws(ZeroMQError)
  {
    self.plan = plan
    self.workload = workload
    self.control = control
    let seed = plan.seed &+ UInt64(place) &* 0x1_0001
    picker = BatchPicker(workload, seed: seed)
    verifier = Verifier(workload, mode: plan.verification, kernel: kernel, seed: seed)
    let start = Clock.now()
    pacer = Pacer(plan.pace, start: start, place: place, of: plan.threadCount, seed: seed)
    let context = try Context()
    for _ in 0..<connectionCount {
      links.append(try Link(plan.endpoints, in: context, window: plan.window, now: start))
    }
    self.context = context
    interval.start = start
    lastProgress = start
  }

  /// Runs until the run stops and nothing is in flight any more.
  func run() {
    set_timer_slack(1)
    let cpuStart = Clock.threadCPU()
    do {
      while try turn() {}
    } catch {
      self.error = error
    }
    interval.end = Clock.now()
    cpuNanoseconds = Clock.threadCPU() - cpuStart
    control.runningCount.wrappingSubtract(1, ordering: .acquiringAndReleasing)
  }

  /// - Returns: whether there is more to do.
  private func turn() throws -> Bool {
    let start = Clock.now()
    exchange.exchange(&interval, now: start)
    let received = try receive()
    var now = Clock.now()
    var sentCount = 0
    if control.isStopping.load(ordering: .relaxed) {
      if ledger.count == 0 || isOverdue(now) { return finish(now) }
    } else {
      if isOverdue(now) { return finish(now) }
      sentCount = try sendDue(&now)
    }
    if received + sentCount == 0 { try rest(since: start, now) }
    return true
  }

  private func isOverdue(_ now: UInt64) -> Bool {
    ledger.count > 0 && now > lastProgress && now - lastProgress > UInt64(seconds: plan.timeoutSeconds)
  }

  private func finish(_ now: UInt64) -> Bool {
    if ledger.count > 0 {
      report(.missing(sequences: ledger.missing, waitedSeconds: plan.timeoutSeconds))
    }
    return false
  }

  // MARK: Sending

  private func sendDue(_ now: inout UInt64) throws -> Int {
    var sentCount = 0
    // So many at a time that results are looked at in between.
    while sentCount < 64, pacer.isDue(now) {
      guard let link = linkWithRoom() else {
        pacer.isHeldUp(at: now)
        break
      }
      guard try send(link, at: now) else { continue }
      sentCount += 1
      now = Clock.now()
    }
    return sentCount
  }

  private func linkWithRoom() -> Link? {
    for _ in links {
      let link = links[nextLink]
      nextLink = nextLink + 1 == links.count ? 0 : nextLink + 1
      if link.hasRoom { return link }
    }
    return nil
  }

  /// - Returns: whether there was room for it, and the quota allows it.
  private func send(_ link: Link, at now: UInt64) throws -> Bool {
    let isMeasured = now >= control.measureFrom.load(ordering: .relaxed)
    if isMeasured, !control.takeFromQuota() {
      pacer.end()
      return false
    }
    let index = picker.next()
    let intended = pacer.intended ?? link.freeSince
    let place = nextLink == 0 ? links.count - 1 : nextLink - 1
    let sequence = ledger.depart(
      Ledger.Entry(batch: index, connection: place, intended: intended, sent: now, isMeasured: isMeasured))
    guard try link.send(workload.batches[index], sequence: sequence, client: client) else {
      ledger.cancel(sequence)
      if isMeasured { control.giveBackToQuota() }
      return false
    }
    let freeSince = link.freeSince
    link.departed()
    if ledger.count == 1 { lastProgress = now }
    interval.sentCount += 1
    let (lateness, heldUp) = pacer.departed(at: now, freeSince: freeSince)
    if isMeasured {
      if let lateness { interval.lateness.note(lateness) }
      interval.heldUpNanoseconds += heldUp
    }
    return true
  }

  // MARK: Receiving

  private func receive() throws -> Int {
    var count = 0
    for link in links {
      var taken = 0
      while taken < 64, try link.receive(into: &message) {
        // A router lane may put an empty frame in front, for a client that sent one; this one does not.
        try take(message.unsafeBytes.bytes, at: Clock.now())
        taken += 1
      }
      count += taken
    }
    return count
  }

  private func take(_ bytes: RawSpan, at now: UInt64) throws {
    lastProgress = now
    let result: BatchResult
    do throws(ResultError) {
      result = try BatchResult(parsing: bytes)
    } catch {
      return report(.unreadable(error.description))
    }
    let sequence = result.header.sequence
    guard result.header.clientID == client, result.header.type == .batchResult else {
      return report(.foreign(what: "batch \(sequence) of another client or kind"))
    }
    switch ledger.land(sequence) {
    case .duplicate: report(.duplicate(sequence: sequence))
    case .foreign: report(.foreign(what: "batch \(sequence) was never sent"))
    case .first(let entry):
      links[entry.connection].landed(at: now)
      judge(result, bytes, entry, at: now)
    }
  }

  private func judge(_ result: BatchResult, _ bytes: RawSpan, _ entry: Ledger.Entry, at now: UInt64) {
    let header = result.header
    switch header.status {
    case .ok:
      note(header, entry, at: now)
      if let violation = verifier.check(result, bytes, batch: entry.batch) { report(violation) }
    case let status where status.isRetryable:
      if counts(entry) { interval.turnedAwayCounts[status.name, default: 0] += 1 }
    case let status:
      report(
        .refused(sequence: header.sequence, status: status.name, message: result.message(in: bytes) ?? ""))
    }
  }

  /// Whether a result is one of the run's. What left in the warm-up is part of the throughput that follows, but not of a
  /// number of batches that was asked for.
  private func counts(_ entry: Ledger.Entry) -> Bool { entry.isMeasured || !control.hasQuota }

  private func note(_ header: ResultHeader, _ entry: Ledger.Entry, at now: UInt64) {
    guard counts(entry) else { return }
    let batch = workload.batches[entry.batch]
    interval.batchCount += 1
    interval.rowCount += batch.rows
    interval.byteCount += batch.requestByteCount
    guard entry.isMeasured else { return }
    let elapsed = now - entry.sent
    let queue = min(header.queueNanoseconds, elapsed)
    let compute = min(header.computeNanoseconds, elapsed - queue)
    interval.latencies.corrected.note(now - min(entry.intended, now))
    interval.latencies.uncorrected.note(elapsed)
    interval.latencies.queue.note(queue)
    interval.latencies.compute.note(compute)
    interval.latencies.network.note(elapsed - queue - compute)
  }

  private func report(_ violation: Violation) {
    violations.add(violation)
    control.violationCount.wrappingAdd(1, ordering: .relaxed)
  }

  // MARK: Waiting

  /// Waits for a result, or until a batch is due: sleeps, and spins for the last moments.
  private func rest(since start: UInt64, _ now: UInt64) throws {
    defer { interval.idleNanoseconds += Clock.now() - start }
    let canSend = !control.isStopping.load(ordering: .relaxed) && links.contains(where: \.hasRoom)
    let pause = canSend ? pacer.pause(at: now) : .forResult
    defer { links.forEach { $0.unblock() } }
    if pause == .spin { return }
    poller.removeAll()
    for link in links { link.add(to: &poller) }
    if case .sleep(let time) = pause {
      timer.set(time)
      _ = poller.add(descriptor: timer.descriptor, for: .readable)
    }
    try poller.wait(milliseconds: Self.longestWaitMilliseconds)
  }
}
