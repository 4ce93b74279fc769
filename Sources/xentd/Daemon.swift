import CrossEntropy
import Logging
import XentProtocol
import XentService
import ZeroMQ

/// The service in its process: log, signals, service manager.
struct Daemon {
  private let settings: Settings

  init(_ settings: Settings) { self.settings = settings }

  /// Serves until SIGTERM or SIGINT.
  func run() throws {
    let logger = makeLogger()
    let (stop, reload) = (ServiceRequest(), ServiceRequest())
    listenToSignals(stop: stop, reload: reload)
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
      configuration: settings.service, memoryByteLimit: settings.memoryByteLimit, engine: engine, metrics: metrics,
      stop: stop, observer: manager, logger: logger)
    let budget = settings.memoryBudget
    let health = Health(metrics, watchdogNanoseconds: manager.watchdogNanoseconds)
    let pages = MonitoringPages(
      metrics: metrics,
      identity: ServiceIdentity(
        engine: identity, libraryVersion: ZeroMQ.libraryVersion(), configurationFile: settings.file),
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
    warnOfUnusedSockets(logger)
    logger.info(
      "memory",
      metadata: [
        "limit_bytes": "\(settings.memoryByteLimit)", "own_bytes": "\(budget.ownByteCount)",
        "libzmq_may_queue_bytes": "\(budget.queuedByteCount)",
      ])
    try loop.run()
  }

  /// A socket that the service manager passes and nobody accepts at lets clients wait for ever.
  private func warnOfUnusedSockets(_ logger: Logger) {
    let endpoints = Set(settings.service.lanes.flatMap(\.endpoints).map(\.address))
    for socket in InheritedSockets.ofProcess.sockets where endpoints.isDisjoint(with: socket.endpoints) {
      logger.warning(
        "no endpoint has a socket that the service manager passes",
        metadata: ["name": "\(socket.name)", "address": "\(socket.endpoints.first ?? "does not listen")"])
    }
  }

  private func makeLogger() -> Logger {
    var logger = Logger(label: "xentd") { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = settings.logLevel
    return logger
  }
}
