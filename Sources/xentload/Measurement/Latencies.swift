/// The latencies of batches, and the parts they are made of.
struct Latencies {
  /// From the time at which the batch should have left to its result.
  var corrected = TimeCounts()
  /// From the time at which it did.
  var uncorrected = TimeCounts()
  /// From sending to the start of the computation, as the daemon tells it: the way there, and waiting.
  var queue = TimeCounts()
  /// The computation, as the daemon tells it.
  var compute = TimeCounts()
  /// The rest from sending to the result: the way back.
  var network = TimeCounts()

  mutating func add(_ other: Latencies) {
    corrected.add(other.corrected)
    uncorrected.add(other.uncorrected)
    queue.add(other.queue)
    compute.add(other.compute)
    network.add(other.network)
  }

  mutating func reset() {
    corrected.reset()
    uncorrected.reset()
    queue.reset()
    compute.reset()
    network.reset()
  }
}
