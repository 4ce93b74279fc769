import XentService

/// What a daemon says of itself that does not change.
struct ServiceIdentity: Sendable {
  let engine: EngineIdentity
  let libraryVersion: String
  /// The file that the configuration comes from; nil where it comes from the command line.
  let configurationFile: String?
}
