/// Why batches could not be evaluated.
package enum ClientError: Error, CustomStringConvertible {
  /// Nobody listens where a daemon was looked for.
  case noDaemon(lookedAt: [String])
  /// Nothing came for as long as was to be waited; or nothing but messages that are no results, the last of which is told of.
  case noAnswer(endpoint: String, seconds: Double, completed: Int, total: Int, unreadable: String?)
  /// A daemon is there, and will not have this client.
  case lockedOut(endpoint: String, Lockout)
  /// The keys of an encrypted connection are not to be had.
  case keys(String)
  /// The daemon will not compute a batch.
  case refused(status: String, message: String, completed: Int, total: Int)
  /// A connection broke again and again while a batch was under way, also when nothing else was.
  case undeliverable(endpoint: String, batch: Int, byteCount: Int, breaks: Int, loneBreaks: Int)

  package var description: String {
    switch self {
    case .noDaemon(let places):
      "no daemon found: nobody listens at \(places.joined(separator: " or ")); "
        + "start one with `xentd`, or name its endpoint with --endpoint"
    case .noAnswer(let endpoint, let seconds, let completed, let total, let unreadable?):
      "no result from \(endpoint) within \(seconds) s, after \(completed) of \(total) batches; what came is none: "
        + "\(unreadable). Is a daemon of this version running there?"
    case .noAnswer(let endpoint, let seconds, let completed, let total, nil):
      "no answer from \(endpoint) within \(seconds) s, after \(completed) of \(total) batches; "
        + "is a daemon running there? Start one with `xentd`, or wait longer with --timeout"
    case .lockedOut(let endpoint, let lockout): "\(endpoint): \(lockout.description)"
    case .keys(let problem): problem
    case .refused(let status, let message, let completed, let total):
      "refused after \(completed) of \(total) batches: \(status): \(message)"
    case .undeliverable(let endpoint, let batch, let byteCount, let breaks, let loneBreaks):
      "the connection to \(endpoint) broke \(breaks) times while batch \(batch) of \(byteCount) bytes was under way, "
        + "\(loneBreaks) times with nothing beside it; it is not sent again. The daemon's log may tell why"
    }
  }
}
