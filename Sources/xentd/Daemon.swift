import CrossEntropy
import Glibc
import Logging
import XentProtocol
import XentService
import ZeroMQ

/// The service in its process: log, signals, service manager.
struct Daemon {
  private let settings: Settings
  private let readAgain: () throws -> Settings

  /// - Parameter readAgain: has the settings as they would be at a start now.
  init(_ settings: Settings, readAgain: @escaping () throws -> Settings) {
    self.settings = settings
    self.readAgain = readAgain
  }

  /// Serves until SIGTERM or SIGINT, and changes on SIGHUP to what the configuration says then.
  func run() throws {
    let logLevel = LogLevel(settings.logLevel)
    let logger = Logger(label: "xentd") { DaemonLogHandler(label: $0, level: logLevel) }
    let (stop, reload) = (ServiceRequest(), ServiceRequest())
    listenToSignals(stop: stop, reload: reload)
    Allocator.keepWhatIsFreed()
    let kernel = try settings.kernelName.map { name throws(KernelError) in try Kernel.named(name) } ?? .best
    let workerCount = settings.workerCount
    let identity = EngineIdentity(
      version: releaseVersion, kernelName: kernel.name, serverInstance: .random(in: 1 ... .max))
    let engine = Engine(identity: identity, kernel: kernel, workerCount: workerCount)
    let metrics = ServiceMetrics(
      workerCount: workerCount, memoryBoundByteCount: settings.memoryByteLimit,
      selfTestSeconds: settings.service.selfTestSeconds)
    let manager = ServiceManager()
    let loop = try ServiceLoop(
      configuration: settings.service,
      source: SettingsReader(settings, readAgain: readAgain, logger: logger, logLevel: logLevel),
      engine: engine, metrics: metrics, stop: stop, reload: reload, observer: manager, logger: logger)
    let budget = settings.memoryBudget
    let health = Health(metrics, watchdogNanoseconds: manager.watchdogNanoseconds)
    let pages = MonitoringPages(
      metrics: metrics,
      identity: ServiceIdentity(
        engine: identity, libraryVersion: ZeroMQ.libraryVersion(), configurationFile: settings.file.map(absolutePath)),
      health: health)
    let server = try MonitoringServer(settings.http, pages, logger: logger)
    defer { server.stop() }
    let supervisor = Supervisor(manager, metrics, health)
    defer { supervisor?.stop() }
    logger.info(
      "xentd serves",
      metadata: [
        "version": "\(releaseVersion)", "kernel": "\(kernel.name)", "workers": "\(workerCount)",
        "libzmq": "\(ZeroMQ.libraryVersion())",
      ])
    warnOfPassedSockets(settings.service, logger)
    logger.info(
      "memory",
      metadata: [
        "limit_bytes": "\(settings.memoryByteLimit)", "own_bytes": "\(budget.ownByteCount)",
        "libzmq_may_queue_bytes": "\(budget.queuedByteCount)",
      ])
    try engine.withWorkers { try loop.run() }
  }
}

/// What a path means in the directory that the process is in.
private func absolutePath(_ path: String) -> String {
  guard !path.hasPrefix("/"), let directory = getcwd(nil, 0) else { return path }
  defer { free(directory) }
  return "\(String(cString: directory))/\(path)"
}
