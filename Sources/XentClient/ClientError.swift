/// Why batches could not be evaluated.
package enum ClientError: Error, CustomStringConvertible {
  /// Nobody listens where a daemon was looked for.
  case noDaemon(lookedAt: [String])
  /// Nothing came for as long as was to be waited.
  case noAnswer(endpoint: String, seconds: Double, completed: Int, total: Int)
  /// A daemon is there, and will not have this client.
  case lockedOut(endpoint: String, Lockout)
  /// The keys of an encrypted connection are not to be had.
  case keys(String)
  /// The daemon will not compute a batch.
  case refused(status: String, message: String, completed: Int, total: Int)
  /// What came is no result of this protocol.
  case badResult(String)

  package var description: String {
    switch self {
    case .noDaemon(let places):
      "no daemon found: nobody listens at \(places.joined(separator: " or ")); "
        + "start one with `xentd`, or name its endpoint with --endpoint"
    case .noAnswer(let endpoint, let seconds, let completed, let total):
      "no answer from \(endpoint) within \(seconds) s, after \(completed) of \(total) batches; "
        + "is a daemon running there? Start one with `xentd`, or wait longer with --timeout"
    case .lockedOut(let endpoint, let lockout): "\(endpoint): \(lockout.description)"
    case .keys(let problem): problem
    case .refused(let status, let message, let completed, let total):
      "refused after \(completed) of \(total) batches: \(status): \(message)"
    case .badResult(let problem): "not a result: \(problem)"
    }
  }
}
