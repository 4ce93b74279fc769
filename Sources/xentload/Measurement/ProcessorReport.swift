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
  private let ownThreads = ProcessorUse.secondsOfThreads(ofProcess: getpid())
  private let daemon: Double?
  private let machine = ProcessorUse.machineSeconds()

  init(daemonProcess: Int32?) { daemon = daemonProcess.flatMap(ProcessorUse.seconds(ofProcess:)) }

  func seconds(until end: ProcessorSnapshot) -> Double { max(Double(nanoseconds: end.time - time), 1e-9) }

  func report(until end: ProcessorSnapshot, generatorBusy: Double) -> ProcessorReport {
    let seconds = seconds(until: end)
    var report = ProcessorReport()
    report.generatorBusy = generatorBusy
    report.ownCores = Double(nanoseconds: end.own - own) / seconds
    let starts = Dictionary(ownThreads.map { ($0.id, $0.seconds) }, uniquingKeysWith: max)
    // libzmq names its threads ZMQbg/IO/0 and the like.
    report.ioThreadCores =
      end.ownThreads.filter { $0.name.contains("/IO/") }.map { $0.seconds - (starts[$0.id] ?? 0) }.max().map {
        $0 / seconds
      } ?? 0
    if let before = daemon, let after = end.daemon { report.daemonCores = (after - before) / seconds }
    if let before = machine, let after = end.machine, after.total > before.total {
      report.machineBusy = (after.busy - before.busy) / (after.total - before.total)
    }
    return report
  }
}
