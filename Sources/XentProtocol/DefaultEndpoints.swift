/// Where daemon and clients meet when nobody tells them otherwise.
package struct DefaultEndpoints: Equatable, Sendable {
  /// The directory of the sockets.
  package let directory: String

  package init(directory: String) { self.directory = directory }

  package var requests: String { "ipc://\(directory)/requests.sock" }
  package var results: String { "ipc://\(directory)/results.sock" }
  package var router: String { "ipc://\(directory)/xentd.sock" }

  /// The path of the socket that answers HTTP.
  package var http: String { "\(directory)/http.sock" }

  /// Of the service, and of a daemon that root starts.
  package static let system = DefaultEndpoints(directory: "/run/xentd")

  /// Of a daemon that a user starts; nil where the session has no directory for such things.
  package static func user(environment: [String: String]) -> DefaultEndpoints? {
    guard let runtimeDirectory = environment["XDG_RUNTIME_DIR"], !runtimeDirectory.isEmpty else { return nil }
    return DefaultEndpoints(directory: runtimeDirectory + "/xentd")
  }
}
