import XentClient

/// A daemon that was asked what it is, and batches that it takes: what runs of one command share.
struct LoadSession {
  let endpoints: ClientEndpoints
  let daemon: DaemonInfo
  let workload: Workload
  private let daemonProcess: Int32?
  private let metrics: MetricsSource?
  private let live: LiveDisplay

  init(_ lane: LaneArguments, _ batch: BatchArguments, _ load: LoadArguments, isQuiet: Bool) throws {
    let live = LiveDisplay(isQuiet: isQuiet)
    self.live = live
    endpoints = try lane.endpoints()
    var stream = try BatchStream([endpoints], timeoutSeconds: load.timeout)
    daemon = try DaemonInfo(json: stream.info())
    live.showStep("computing what must come back")
    defer { live.clear() }
    workload = try batch.workload(DaemonLimits(limits: daemon.limits), verification: load.verify)
    daemonProcess = lane.pid ?? DaemonProcess.id(listeningAt: endpoints)
    metrics = lane.metricsSource(endpoints)
  }

  /// - Parameter title: of a live display.
  func run(_ plan: LoadPlan, title: String = "") throws -> RunOutcome {
    var live = live
    live.setTitle(title)
    var run = try LoadRun(
      plan, workload, daemon: daemon, daemonProcess: daemonProcess, metrics: metrics, live: live)
    return try run.perform()
  }

  /// What libzmq alone does with messages of the workload's mean size; nil where that is no endpoint of this machine.
  func ceiling(window: Int, rounds: Int) throws -> Ceiling? {
    let endpoint =
      switch endpoints {
      case .router(let endpoint): endpoint
      case .pipeline(let requests, _): requests
      }
    guard let transport = CeilingTransport(of: endpoint) else { return nil }
    live.showStep("measuring libzmq alone")
    defer { live.clear() }
    return try CeilingMeasurement(
      transport: transport, requestByteCount: Int(workload.meanRequestByteCount.rounded()),
      replyByteCount: Int(workload.meanResultByteCount.rounded()), window: window, seconds: 0.4, rounds: rounds
    ).perform()
  }
}
