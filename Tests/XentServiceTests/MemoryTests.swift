import Testing
import ZeroMQ

@testable import CrossEntropy
@testable import XentService

private func lanes() -> ServiceConfiguration {
  ServiceConfiguration(lanes: [
    LaneConfiguration(
      name: "p",
      sockets: .pipeline(requests: [EndpointConfiguration("ipc:///a")], results: [EndpointConfiguration("ipc:///b")])),
    LaneConfiguration(name: "r", sockets: .router([EndpointConfiguration("ipc:///c")])),
  ])
}

@Suite("Memory")
struct MemoryTests {
  @Test("what a service holds grows with each limit that bounds it, and with nothing else")
  func budget() {
    let base = MemoryBudget(lanes(), workerCount: 2).ownByteCount
    func more(_ change: (inout LaneConfiguration) -> Void, lane: Int) -> Int {
      var changed = lanes()
      change(&changed.lanes[lane])
      return MemoryBudget(changed, workerCount: 2).ownByteCount - base
    }
    #expect(more({ $0.limits.maximumRequestByteCount += 1000 }, lane: 1) == 4000)
    #expect(more({ $0.limits.maximumResultByteCount += 1000 }, lane: 0) == 2000)
    #expect(more({ $0.maximumWaitingByteCount += 1000 }, lane: 0) == 1000)
    #expect(more({ $0.maximumWaitingByteCount += 1000 }, lane: 1) == 0)
    #expect(more({ $0.maximumClientsWaitingByteCount += 1000 }, lane: 1) == 1000)
    #expect(more({ $0.maximumPeerCount += 1000 }, lane: 0) == 0)
    #expect(more({ $0.maximumPeerCount += 10 }, lane: 1) == 10 * RouterLane.maximumRefusalByteCount)
    #expect(MemoryBudget(lanes(), workerCount: 3).ownByteCount == base + (256 << 10))
  }

  @Test("a worker's own memory is within what is counted for it")
  func worker() {
    #expect(Worker.byteCount > 100 << 10)
    #expect(Worker.byteCount <= MemoryBudget.workerByteCount)
  }

  @Test("the default configuration fits a gibibyte, and a limit that it does not fit is told with both numbers")
  func fit() throws {
    let budget = MemoryBudget(lanes(), workerCount: 8)
    #expect(budget.problem(limit: 1 << 30) == nil)
    #expect(budget.problem(limit: budget.ownByteCount) == nil)
    let problem = try #require(budget.problem(limit: budget.ownByteCount - 1))
    #expect(problem.contains("\(budget.ownByteCount)") && problem.contains("\(budget.ownByteCount - 1)"))
    #expect(problem.contains("waiting_bytes"))
  }

  @Test("what libzmq may queue is peers times messages times bytes, and past all numbers the largest")
  func queued() {
    var configuration = lanes()
    #expect(MemoryBudget(configuration, workerCount: 1).queuedByteCount == 2 * 64 * 64 * (64 << 20))
    configuration.lanes[0].limits.maximumRequestByteCount = 1 << 40
    configuration.lanes[0].maximumPeerCount = 1_000_000
    configuration.lanes[0].queuedRequestCount = 1_000_000
    #expect(MemoryBudget(configuration, workerCount: 1).queuedByteCount == .max)
  }

  @Test("an account counts what is promised, what waits, and large results until they are let go; and its whole too")
  func account() throws {
    let whole = ResultAccount()
    let account = ResultAccount(partOf: whole)
    let slot = BatchSlot()
    slot.account = account
    slot.reserve(byteCount: 100_000)
    #expect(account.heldByteCount == 100_000 && whole.heldByteCount == 100_000)
    slot.endReservation()
    slot.endReservation()
    #expect(account.heldByteCount == 0)
    try slot.allocateResult(byteCount: 100_000)
    #expect(account.heldByteCount == 100_000)
    try slot.extendResult(by: 50)
    #expect(slot.result.byteCount == 100_050 && account.heldByteCount == 100_050)
    account.append(WaitingResult(slot))
    #expect(account.waitingByteCount == 100_050 && whole.waitingByteCount == 100_050)
    #expect(account.heldByteCount == 100_050, "it is not counted twice")
    try slot.allocateResult(byteCount: 200)
    account.append(WaitingResult(slot))
    #expect(whole.heldByteCount == 100_250 + WaitingResult.ownByteCount)
    account.removeFirst()
    account.removeFirst()
    #expect(account.heldByteCount == 0 && whole.heldByteCount == 0 && whole.waitingByteCount == 0)
  }

  @Test("the guard wants nothing let go within the limit, and something past it")
  func memoryGuard() throws {
    var roomy = MemoryGuard(limit: 1 << 40)
    #expect(try !roomy.wantsRoom(at: 1) { false } && roomy.residentByteCount > 1 << 20)
    #expect(roomy.safeMilliseconds > 1000)
    var tight = MemoryGuard(limit: 1 << 20)
    #expect(try tight.wantsRoom(at: 1) { false })
    #expect(try !tight.wantsRoom(at: 2) { false }, "it does not look again at once")
    #expect(try !tight.wantsRoom(at: 1_000_000_000) { true }, "it waits for what is being let go")
    #expect(try tight.wantsRoom(at: 2_000_000_000) { false })
    #expect(tight.safeMilliseconds < 10)
  }

  @Test("names of clients are told apart, those longer than sixteen bytes too")
  func names() throws {
    let texts = ["", "a", "b", "ab", "0123456789abcdef", "0123456789abcdefg", "0123456789abcdefh", "a\0"]
    var names: Set<ClientName> = []
    for text in texts {
      let message = try Message(copying: text)
      names.insert(ClientName(message))
      #expect(names.contains(ClientName(message)))
    }
    #expect(names.count == texts.count)
  }
}
