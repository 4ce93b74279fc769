// Stands for the threads of `WorkerPool`, which Embedded Swift has no Dispatch for: this thread is all workers in turn.

package protocol SharedWork: AnyObject {
  func perform(item: Int, worker: Int)
}

package final class WorkerPool {
  package init(workerCount: Int) {}

  package func run<Failure: Error>(_ body: () throws(Failure) -> Void) throws(Failure) { try body() }

  func share(_ work: some SharedWork, itemCount: Int, among sharerCount: Int) {
    for item in 0..<itemCount { work.perform(item: item, worker: item % sharerCount) }
  }
}
