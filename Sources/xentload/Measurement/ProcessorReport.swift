import Glibc

/// How busy everybody was between two moments. Cores are seconds of computing a second.
struct ProcessorReport: Sendable {
  /// The share of its time in which the busiest generator thread had something to do: spinning until a batch is due is
  /// no work.
  var generatorBusy = 0.0
  /// All of this process.
  var ownCores = 0.0
  /// This process's busiest I/O thread of libzmq.
  var ioThreadCores = 0.0
  /// nil where the daemon's process is not known.
  var daemonCores: Double?
  /// The daemon's main thread, which takes requests, has them computed and sends results; nil where it is not known.
  var daemonLoop: ThreadShare?
  /// The busiest of the daemon's I/O threads of libzmq.
  var daemonTransport: ThreadShare?
  /// The share of all cores that was busy with anything.
  var machineBusy: Double?
  /// Processors of this machine.
  var processorCount = ProcessorUse.processorCount

  /// What neither the daemon nor this process computed; nil where that is not known.
  var othersCores: Double? {
    guard let machineBusy, let daemonCores else { return nil }
    return max(0, machineBusy * Double(processorCount) - daemonCores - ownCores)
  }
}

/// What had been computed at a moment.
struct ProcessorSnapshot {
  private let time = Clock.now()
  private let own = Clock.processCPU()
  private let ownThreads = ProcessorUse.threads(ofProcess: getpid())
  private let daemonProcess: Int32?
  private let daemon: Double?
  private let daemonThreads: [Int32: ThreadUse]
  private let machine = ProcessorUse.machineSeconds()

  init(daemonProcess: Int32?) {
    self.daemonProcess = daemonProcess
    daemon = daemonProcess.flatMap(ProcessorUse.seconds(ofProcess:))
    daemonThreads = daemonProcess.map(ProcessorUse.threads(ofProcess:)) ?? [:]
  }

  func seconds(until end: ProcessorSnapshot) -> Double { max(Double(nanoseconds: end.time - time), 1e-9) }

  func report(until end: ProcessorSnapshot, generatorBusy: Double) -> ProcessorReport {
    let seconds = seconds(until: end)
    var report = ProcessorReport()
    report.generatorBusy = generatorBusy
    report.ownCores = Double(nanoseconds: end.own - own) / seconds
    let ownTransport = Self.shares(ownThreads, end.ownThreads, in: seconds, \.isTransport)
    report.ioThreadCores = ownTransport.map(\.computed).max() ?? 0
    report.daemonLoop = Self.shares(daemonThreads, end.daemonThreads, in: seconds) { $0.id == daemonProcess }.first
    report.daemonTransport = Self.shares(daemonThreads, end.daemonThreads, in: seconds, \.isTransport).max {
      $0.mostTelling < $1.mostTelling
    }
    if let before = daemon, let after = end.daemon { report.daemonCores = (after - before) / seconds }
    if let before = machine, let after = end.machine, after.total > before.total {
      report.machineBusy = (after.busy - before.busy) / (after.total - before.total)
    }
    return report
  }

  private static func shares(
    _ before: [Int32: ThreadUse], _ after: [Int32: ThreadUse], in seconds: Double, _ isWanted: (ThreadUse) -> Bool
  ) -> [ThreadShare] {
    after.values.filter(isWanted).map { ThreadShare(from: before[$0.id], to: $0, seconds: seconds) }
  }
}
