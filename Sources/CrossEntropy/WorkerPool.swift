import CKernelShims
import Dispatch
import Glibc
import Synchronization

/// Work in items, which may be done in any order and several at once.
package protocol SharedWork: AnyObject {
  /// Does an item. No two items are done at once by the same worker.
  /// - Parameter worker: less than the pool's `workerCount`.
  func perform(item: Int, worker: Int)
}

/// Threads that share work, the caller's among them, and wait for the next meanwhile.
///
/// They are the iterations of one `concurrentPerform` that lasts as long as `run`. One for each round would start them as
/// well, but allocates each time. `concurrentPerform` starts no more threads than there are cores; work that finds fewer
/// workers than asked for, or none, is done by those that are there.
///
/// SAFETY: `work` and `itemCount` are written by the caller's thread while the round is closed, when no worker reads them.
package final class WorkerPool: @unchecked Sendable {
  package let workerCount: Int
  /// Of all workers but the caller's thread, which is worker 0.
  private let seats: [Seat]
  private let takenSeatCount = Atomic<Int>(0)
  private let isOver = Atomic<Bool>(false)

  @exclusivity(unchecked) private var work: (any SharedWork)?
  @exclusivity(unchecked) private var itemCount = 0
  private let nextItem = Atomic<Int>(0)
  /// How many workers are in the round, whether it is open, and whether the caller sleeps until it is empty.
  private let round = Atomic<Int>(0)
  private let lastWorkerLeft = DispatchSemaphore(value: 0)
  private static let open = 1 << 32
  private static let callerSleeps = 1 << 33
  /// How long the caller looks for the last worker to leave before it sleeps. That one does its last item: it takes about as
  /// long as waking somebody up.
  private static let longestLook = Duration.microseconds(50)

  /// Where a worker waits.
  private final class Seat {
    /// Whether a signal is due when there is work. Whoever clears it gives or forgoes that signal: there is one at most.
    let isWaiting = Atomic<Bool>(false)
    let signal = DispatchSemaphore(value: 0)
  }

  package init(workerCount: Int) {
    precondition(workerCount > 0, "a pool needs a worker")
    self.workerCount = workerCount
    seats = (1..<workerCount).map { _ in Seat() }
  }

  /// Runs `body` on this thread, and has workers wait for what it shares. Once; blocks, and is not to be called from a Swift
  /// task.
  package func run<Failure: Error>(_ body: () throws(Failure) -> Void) throws(Failure) {
    let caller = pthread_self()
    nonisolated(unsafe) var outcome: Result<Void, Failure>?
    nonisolated(unsafe) let body = body
    // At most `workerCount - 1` other threads take an iteration each and keep it, so that one is left for the caller's.
    DispatchQueue.concurrentPerform(iterations: workerCount) { _ in
      if pthread_equal(pthread_self(), caller) == 0 {
        serve()
      } else if outcome == nil {
        outcome = Result(catching: body)
        end()
      }
    }
    try outcome!.get()
  }

  /// Does all items, together with as many workers as are there, and returns when the last is done. From `body` alone.
  /// - Parameter sharerCount: how many workers to ask, the caller's thread among them.
  package func share(_ work: any SharedWork, itemCount: Int, among sharerCount: Int) {
    (self.work, self.itemCount) = (work, itemCount)
    nextItem.store(0, ordering: .relaxed)
    round.store(Self.open, ordering: .sequentiallyConsistent)
    wake(sharerCount - 1)
    performItems(worker: 0)
    round.subtract(Self.open, ordering: .sequentiallyConsistent)
    waitUntilEmpty()
    self.work = nil
  }

  /// Waits until all workers have left a round that is closed.
  private func waitUntilEmpty() {
    let start = ContinuousClock.now
    while round.load(ordering: .acquiring) != 0 {
      pauseProcessor()
      guard start.duration(to: .now) > Self.longestLook else { continue }
      let workersInside = round.bitwiseOr(Self.callerSleeps, ordering: .sequentiallyConsistent).oldValue
      if workersInside > 0 { lastWorkerLeft.wait() }
      return
    }
  }

  private func performItems(worker: Int) {
    guard let work else { return }
    while true {
      let item = nextItem.add(1, ordering: .relaxed).oldValue
      guard item < itemCount else { return }
      work.perform(item: item, worker: worker)
    }
  }

  private func wake(_ count: Int) {
    var missing = count
    for seat in seats where missing > 0 {
      guard seat.isWaiting.exchange(false, ordering: .sequentiallyConsistent) else { continue }
      seat.signal.signal()
      missing -= 1
    }
  }

  private func end() {
    isOver.store(true, ordering: .sequentiallyConsistent)
    for seat in seats { seat.signal.signal() }
  }

  // MARK: What the other threads do

  private func serve() {
    let index = takenSeatCount.add(1, ordering: .relaxed).oldValue
    guard index < seats.count else { return }  // A thread whose work is over takes an iteration that nobody wanted.
    let seat = seats[index]
    while !isOver.load(ordering: .sequentiallyConsistent) {
      if enter() {
        performItems(worker: index + 1)
        // Before it leaves: who opens the next round finds it waiting.
        seat.isWaiting.store(true, ordering: .sequentiallyConsistent)
        leave()
      } else {
        seat.isWaiting.store(true, ordering: .sequentiallyConsistent)
        // A round that was opened in between has perhaps not seen it.
        if isOpen, seat.isWaiting.exchange(false, ordering: .sequentiallyConsistent) { continue }
      }
      seat.signal.wait()
    }
  }

  private var isOpen: Bool { round.load(ordering: .sequentiallyConsistent) & Self.open != 0 }

  /// Takes part in the round, unless it is closed: a signal may be heard when its round is long over.
  private func enter() -> Bool {
    var state = round.load(ordering: .sequentiallyConsistent)
    while state & Self.open != 0 {
      let attempt = round.compareExchange(expected: state, desired: state + 1, ordering: .sequentiallyConsistent)
      if attempt.exchanged { return true }
      state = attempt.original
    }
    return false
  }

  private func leave() {
    let state = round.subtract(1, ordering: .sequentiallyConsistent).newValue
    if state == Self.callerSleeps { lastWorkerLeft.signal() }
  }
}
