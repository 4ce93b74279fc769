import CrossEntropy
import Logging
import XentService

/// Has the settings again when the service asks, applies what is not the service's own, and says what needs a new start.
final class SettingsReader: ConfigurationSource {
  private let started: EffectiveSettings
  private var last: Settings
  private let readAgain: () throws -> Settings
  private let logger: Logger
  private let logLevel: LogLevel

  /// - Parameters:
  ///   - settings: what the daemon was started with.
  ///   - readAgain: has them as they would be at a start now.
  init(_ settings: Settings, readAgain: @escaping () throws -> Settings, logger: Logger, logLevel: LogLevel) {
    started = EffectiveSettings(settings)
    last = settings
    self.readAgain = readAgain
    self.logger = logger
    self.logLevel = logLevel
  }

  func read() throws -> ServiceConfiguration {
    guard last.file != nil else { throw NoFile() }
    last = try readAgain()
    logger.info("configuration is read", metadata: ["file": "\(last.file ?? "")"])
    return last.service
  }

  func didApply() -> [String] {
    logLevel.value = last.logLevel
    warnOfPassedSockets(last.service, logger)
    let waiting = started.settingsThatDiffer(from: EffectiveSettings(last))
    for setting in waiting {
      logger.warning("a changed setting waits for a restart", metadata: ["setting": "\(setting)"])
    }
    return waiting
  }
}

/// The settings that a running daemon keeps, as they come out on this machine.
private struct EffectiveSettings {
  private let values: [(name: String, value: String)]

  init(_ settings: Settings) {
    values = [
      ("workers", "\(settings.workerCount)"),
      ("memory_limit", "\(settings.memoryByteLimit)"),
      ("kernel", settings.kernelName ?? Kernel.best.name),
      ("self_test_seconds", "\(settings.service.selfTestSeconds)"),
      ("http", settings.http.map(\.description).joined(separator: " ")),
    ]
  }

  func settingsThatDiffer(from others: EffectiveSettings) -> [String] {
    zip(values, others.values).filter { $0.value != $1.value }.map(\.0.name)
  }
}

/// Why there is nothing to read again.
private struct NoFile: Error, CustomStringConvertible {
  let description = "xentd was started without --config, so there is no file to read again"
}
