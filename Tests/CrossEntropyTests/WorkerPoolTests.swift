import Dispatch
import Glibc
import Synchronization
import Testing

@testable import CrossEntropy

/// Counts how often each item is done, and by how many at once.
private final class CountedWork: SharedWork {
  private let counts: [Count]
  private let activeWorkers = [Count(), Count(), Count(), Count()]
  let threads = Mutex<Set<pthread_t>>([])
  let overlaps = Atomic<Int>(0)

  final class Count: Sendable { let value = Atomic<Int>(0) }

  init(itemCount: Int) { counts = (0..<itemCount).map { _ in Count() } }

  func perform(item: Int, worker: Int) {
    if activeWorkers[worker].value.add(1, ordering: .relaxed).oldValue != 0 { overlaps.add(1, ordering: .relaxed) }
    counts[item].value.add(1, ordering: .relaxed)
    _ = threads.withLock { $0.insert(pthread_self()) }
    activeWorkers[worker].value.subtract(1, ordering: .relaxed)
  }

  func isDone(times: Int) -> Bool { counts.allSatisfy { $0.value.load(ordering: .relaxed) == times } }
}

/// Work whose item 0 ends only when another thread has begun one.
private final class MeetingWork: SharedWork {
  let starts = Atomic<Int>(0)

  func perform(item: Int, worker: Int) {
    starts.add(1, ordering: .sequentiallyConsistent)
    while starts.load(ordering: .sequentiallyConsistent) < 2 { sched_yield() }
  }
}

@Suite struct WorkerPoolTests {
  @Test("each item is done once, whatever the number of workers, in many rounds one after the other", arguments: 1...4)
  func eachOnce(workerCount: Int) {
    let pool = WorkerPool(workerCount: workerCount)
    pool.run {
      for itemCount in [0, 1, 2, 3, 7, 64] {
        let work = CountedWork(itemCount: itemCount)
        for _ in 0..<2000 { pool.share(work, itemCount: itemCount, among: workerCount) }
        #expect(work.isDone(times: 2000))
        #expect(work.overlaps.load(ordering: .relaxed) == 0, "a worker did two items at once")
        #expect(work.threads.withLock { $0.count } <= workerCount)
      }
    }
  }

  @Test("a share returns only when its last item is done, also where others do it")
  func returnsWhenDone() {
    let pool = WorkerPool(workerCount: 4)
    pool.run {
      for round in 0..<20_000 {
        let work = CountedWork(itemCount: 2 + round % 3)
        pool.share(work, itemCount: 2 + round % 3, among: 4)
        guard work.isDone(times: 1) else { return #expect(Bool(false), "round \(round) returned too early") }
      }
    }
  }

  @Test(
    "workers take part, in the first round and in the thousandth",
    .enabled(if: sysconf(Int32(_SC_NPROCESSORS_ONLN)) > 1))
  func workersTakePart() {
    let pool = WorkerPool(workerCount: 2)
    pool.run {
      for _ in 0..<1000 {
        let work = MeetingWork()
        pool.share(work, itemCount: 2, among: 2)
        #expect(work.starts.load(ordering: .relaxed) == 2)
      }
    }
  }

  @Test("without run, the caller does it all")
  func withoutRun() {
    let work = CountedWork(itemCount: 100)
    WorkerPool(workerCount: 4).share(work, itemCount: 100, among: 4)
    #expect(work.isDone(times: 1))
    #expect(work.threads.withLock { $0 } == [pthread_self()])
  }

  @Test("run ends its workers, and passes on what its body throws")
  func throwing() {
    struct Failure: Error {}
    for _ in 0..<200 {
      let pool = WorkerPool(workerCount: 3)
      #expect(throws: Failure.self) {
        try pool.run { () throws(Failure) in
          pool.share(CountedWork(itemCount: 9), itemCount: 9, among: 3)
          throw Failure()
        }
      }
    }
  }

  @Test("the body runs on the caller's thread", arguments: 1...4)
  func callersThread(workerCount: Int) {
    let caller = pthread_self()
    var thread: pthread_t?
    WorkerPool(workerCount: workerCount).run { thread = pthread_self() }
    #expect(thread == caller)
  }
}
