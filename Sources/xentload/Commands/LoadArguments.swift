import ArgumentParser
import XentClient

/// How a load is made: what runs and sweeps share.
struct LoadArguments: ParsableArguments {
  @Option(help: "With --rate: constant gaps, or those of a Poisson process.")
  var arrivals = ArrivalPattern.constant

  @Option(help: "Connections.")
  var connections = 1

  @Option(help: "Threads that share the connections. One suffices unless the report says that it was the limit.")
  var threads = 1

  @Option(help: ArgumentHelp("Load so long before anything is measured.", valueName: "seconds"))
  var warmUp = 1.0

  @Option(
    help: "Compare results with an independent computation: all, a sample (1 of 16, and each batch's first), or off.")
  var verify = VerificationMode.sample

  @Option(help: ArgumentHelp("Results that have not come for this long are missing.", valueName: "seconds"))
  var timeout = 10.0

  func validate() throws {
    for (name, isGood, value, expected) in [
      ("connections", (1...4096).contains(connections), "\(connections)", "1 to 4096"),
      ("threads", (1...256).contains(threads), "\(threads)", "1 to 256"),
      ("warm-up", warmUp >= 0 && warmUp <= 1e5, "\(warmUp)", "0 seconds or more"),
      ("timeout", timeout > 0 && timeout <= 1e5, "\(timeout)", "more than 0 seconds"),
    ] where !isGood {
      throw ValidationError("--\(name): expected \(expected), received \(value)")
    }
    guard threads <= connections else {
      throw ValidationError(
        "--threads: expected at most one for each of \(connections) connections, received \(threads)")
    }
  }

  func check(isPipeline: Bool) throws {
    guard !isPipeline || threads == 1 else {
      throw ValidationError(
        "--threads: a pipeline lane deals its results out among all that listen, so one thread takes them all; "
          + "expected 1, received \(threads)")
    }
  }

  func plan(_ endpoints: ClientEndpoints, seed: UInt64) -> LoadPlan {
    var plan = LoadPlan(endpoints: endpoints)
    plan.connectionCount = connections
    plan.threadCount = threads
    plan.warmUpSeconds = warmUp
    plan.verification = verify
    plan.timeoutSeconds = timeout
    plan.seed = seed
    return plan
  }
}
