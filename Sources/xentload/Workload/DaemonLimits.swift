import XentClient

/// What a daemon takes: looked at before a run, rather than have every batch refused.
struct DaemonLimits {
  let limits: DaemonInfo.Limits

  func check(_ workload: Workload) throws {
    for batch in workload.batches {
      for (name, value, most) in [
        ("request bytes", batch.requestByteCount, limits.batchBytes),
        ("result bytes", batch.resultByteCount, limits.resultBytes),
        ("rows", batch.rows, limits.rows), ("classes", batch.classes, limits.classes),
      ] where value > most {
        throw LoadError(
          "a batch of \(batch.rows) x \(batch.classes): the daemon takes at most \(most) \(name), this has \(value); "
            + "send fewer rows, or raise its limits")
      }
    }
  }
}
