import Logging
import Synchronization

/// Writes log lines to standard error. All loggers made from one have the same level, and change it together.
struct DaemonLogHandler: LogHandler {
  private var handler: StreamLogHandler
  private let level: LogLevel

  init(label: String, level: LogLevel) {
    handler = .standardError(label: label)
    handler.logLevel = .trace  // the level is kept here
    self.level = level
  }

  var logLevel: Logger.Level {
    get { level.value }
    set { level.value = newValue }
  }

  var metadata: Logger.Metadata {
    get { handler.metadata }
    set { handler.metadata = newValue }
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { handler[metadataKey: key] }
    set { handler[metadataKey: key] = newValue }
  }

  func log(event: LogEvent) { handler.log(event: event) }
}

/// A level that many loggers share.
final class LogLevel: Sendable {
  private let storage: Mutex<Logger.Level>

  init(_ level: Logger.Level) { storage = Mutex(level) }

  var value: Logger.Level {
    get { storage.withLock { $0 } }
    set { storage.withLock { $0 = newValue } }
  }
}
