/// What one thread has computed, and how long it had to wait for a processor.
struct ThreadUse {
  let id: Int32
  let name: String
  let computedSeconds: Double
  /// Ready to run, while others ran; nil where the kernel does not tell.
  let waitedSeconds: Double?

  /// libzmq names the threads that move its messages ZMQbg/IO/0 and the like.
  var isTransport: Bool { name.contains("/IO/") }
}

/// How busy a thread was: the part of the time in which it computed, and in which it computed or wanted to.
///
/// A thread that wanted a processor nearly all of the time is what its messages wait for, even where it got one for half
/// of the time only because the machine has too few.
struct ThreadShare: Sendable, Equatable {
  let computed: Double
  /// With the time that it waited for a processor; nil where the kernel does not tell.
  let wanted: Double?

  var mostTelling: Double { wanted ?? computed }

  init(from before: ThreadUse?, to after: ThreadUse, seconds: Double) {
    let computed = (after.computedSeconds - (before?.computedSeconds ?? 0)) / seconds
    self.computed = computed
    wanted = after.waitedSeconds.map { waited in
      min(1, computed + (waited - (before?.waitedSeconds ?? 0)) / seconds)
    }
  }
}

extension ThreadShare {
  /// `97 % of the time, 45 % of that waiting for a processor`
  var description: String {
    guard let wanted, wanted > 0 else { return "\(Units.percent(computed)) of the time" }
    let waiting = Units.percent(1 - min(1, computed / wanted))
    return "\(Units.percent(wanted)) of the time, \(waiting) of that waiting for a processor"
  }
}
