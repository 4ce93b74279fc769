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
    let stop = StopRequest()
    stopOnSignals(stop)
    let kernel = try settings.kernelName.map { name throws(KernelError) in try Kernel.named(name) } ?? .best
    let workerCount = settings.service.workerCount ?? availableCoreCount()
    let identity = EngineIdentity(
      version: releaseVersion, kernelName: kernel.name, serverInstance: .random(in: 1 ... .max))
    let engine = Engine(identity: identity, kernel: kernel, workerCount: workerCount)
    let loop = try ServiceLoop(
      configuration: settings.service, engine: engine, stop: stop, observer: ServiceManager(), logger: logger)
    logger.info(
      "xentd serves",
      metadata: [
        "version": "\(releaseVersion)", "kernel": "\(kernel.name)", "workers": "\(workerCount)",
        "libzmq": "\(ZeroMQ.libraryVersion())",
      ])
    warnOfUnusedSockets(logger)
    try loop.run()
  }

  /// A socket that the service manager passes and nobody accepts at lets clients wait for ever.
  private func warnOfUnusedSockets(_ logger: Logger) {
    let endpoints = Set(settings.service.lanes.flatMap(\.endpoints))
    for socket in InheritedSockets.ofProcess.sockets where endpoints.isDisjoint(with: socket.endpoints) {
      logger.warning(
        "no endpoint of the configuration has a socket that the service manager passes; take its unit away or add the endpoint",
        metadata: ["name": "\(socket.name)", "address": "\(socket.endpoints.first ?? "does not listen")"])
    }
  }

  private func makeLogger() -> Logger {
    var logger = Logger(label: "xentd") { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = settings.logLevel
    return logger
  }
}
