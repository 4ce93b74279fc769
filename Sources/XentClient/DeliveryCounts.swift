/// What became of the attempts to deliver batches, in numbers.
package struct DeliveryCounts: Equatable, Sendable {
  /// Attempts, and of these those after a batch's first.
  package internal(set) var sent = 0
  package internal(set) var resent = 0
  /// Results that nobody waits for any more: duplicates, mostly of batches that were sent again.
  package internal(set) var unawaited = 0
  /// Results of other clients, as a shared pipeline lane hands them out.
  package internal(set) var foreign = 0
  /// Messages that are no results.
  package internal(set) var unreadable = 0
  /// Answers that asked to wait, by daemons that are stopping, and of faults or passed deadlines.
  package internal(set) var busy = 0
  package internal(set) var draining = 0
  package internal(set) var faults = 0
  /// Connections that broke, and those that were given up because nothing came.
  package internal(set) var breaks = 0
  package internal(set) var hangs = 0
  /// Daemons that came back as another instance.
  package internal(set) var restarts = 0

  /// All of them, by name.
  package var named: [(name: String, count: Int)] {
    [
      ("sent", sent), ("resent", resent), ("unawaited", unawaited), ("foreign", foreign), ("unreadable", unreadable),
      ("busy", busy), ("draining", draining), ("faults", faults), ("breaks", breaks), ("hangs", hangs),
      ("restarts", restarts),
    ]
  }
}
