import Glibc
import XentClient

/// One run: generators on threads of their own, and this one, which measures.
struct LoadRun {
  private let plan: LoadPlan
  private let workload: Workload
  private let daemon: DaemonInfo
  private let daemonProcess: Int32?
  private let metrics: MetricsSource?
  private let control: RunControl
  private let generators: [Generator]
  private var live: LiveDisplay
  private var timeline = Timeline()
  private var windowPlan: WindowPlan

  init(
    _ plan: LoadPlan, _ workload: Workload, daemon: DaemonInfo, daemonProcess: Int32?, metrics: MetricsSource?,
    live: LiveDisplay
  ) throws {
    self.plan = plan
    self.workload = workload
    self.daemon = daemon
    self.daemonProcess = daemonProcess
    self.metrics = metrics
    self.live = live
    windowPlan = WindowPlan(plan.extent)
    let control = RunControl(generatorCount: plan.threadCount, quota: windowPlan.batchCount)
    self.control = control
    generators = try (0..<plan.threadCount).map { place in
      // Connections are dealt out to the threads.
      let own = plan.connectionCount / plan.threadCount + (place < plan.connectionCount % plan.threadCount ? 1 : 0)
      return try Generator(
        plan, workload, control: control, kernel: daemon.kernel, place: place, connectionCount: own)
    }
  }

  /// Runs until the plan is fulfilled, a generator fails, or the user interrupts.
  mutating func perform() throws -> RunOutcome {
    let threads = generators.map { generator in
      // SAFETY: until the thread has ended, only what is made for several threads is used here.
      nonisolated(unsafe) let generator = generator
      return RunningThread { generator.run() }
    }
    warmUp()
    let metricsBefore = metrics.map { $0.snapshot() }
    let before = ProcessorSnapshot(daemonProcess: daemonProcess)
    var warmUp = Interval()
    collect(into: &warmUp)
    control.measureFrom.store(Clock.now(), ordering: .relaxed)
    measure()
    control.isStopping.store(true, ordering: .relaxed)
    let after = ProcessorSnapshot(daemonProcess: daemonProcess)
    let metricsAfter = metrics.map { $0.snapshot() }
    threads.forEach { $0.join() }
    live.clear()
    if let error = generators.compactMap(\.error).first { throw error }
    let metricsOutcome = MetricsOutcome(
      metrics, metricsBefore, metricsAfter, lane: daemon.lane, seconds: before.seconds(until: after))
    var processors = before.report(until: after, generatorBusy: generatorBusy)
    if processors.daemonCores == nil { processors.daemonCores = metricsOutcome.difference?.cores }
    return outcome(processors, metricsOutcome)
  }

  private mutating func warmUp() {
    let end = Clock.now() + UInt64(seconds: plan.warmUpSeconds)
    while Clock.now() < end, isRunning {
      Interruption.sleep(until: min(end, Clock.now() + 100_000_000))
      live.showWarmUp(secondsLeft: Double(nanoseconds: end - min(end, Clock.now())))
    }
  }

  private var isRunning: Bool {
    !Interruption.hasCome && control.runningCount.load(ordering: .acquiring) == generators.count
  }

  private mutating func measure() {
    var tickEnd = Clock.now()
    while isRunning, !control.isQuotaSpent {
      tickEnd += UInt64(seconds: windowPlan.tickSeconds)
      Interruption.sleep(until: tickEnd) { control.isQuotaSpent || !isRunning }
      var interval = Interval()
      collect(into: &interval)
      timeline.add(interval)
      live.show(
        interval, progress: windowPlan.progress(timeline),
        violationCount: control.violationCount.load(ordering: .relaxed))
      guard windowPlan.isFull(timeline.open) else { continue }
      timeline.closeWindow()
      if windowPlan.isDone(timeline.windows) { return }
      windowPlan.widen(&timeline)
    }
  }

  /// Takes what the generators have done since the last time.
  private func collect(into total: inout Interval) {
    generators.forEach { $0.exchange.request() }
    for generator in generators {
      while generator.exchange.isPending, control.runningCount.load(ordering: .acquiring) == generators.count {
        usleep(100)
      }
      if !generator.exchange.isPending { generator.exchange.collect(into: &total) }
    }
  }

  /// The share of its time in which the busiest generator was not waiting.
  private var generatorBusy: Double {
    let windows = timeline.windows + (timeline.open.end > 0 ? [timeline.open] : [])
    let seconds = windows.reduce(0) { $0 + $1.seconds }
    let idle = windows.reduce(0) { $0 + Double(nanoseconds: $1.idleNanoseconds) } / Double(generators.count)
    return seconds > 0 ? max(0, 1 - idle / seconds) : 0
  }

  private mutating func outcome(_ processors: ProcessorReport, _ metrics: MetricsOutcome) -> RunOutcome {
    var late = Interval()
    generators.forEach { late.add($0.interval) }
    if control.hasQuota || timeline.windows.isEmpty { timeline.add(late) }
    timeline.closeWindow(isStub: !windowPlan.isMostlyFull(timeline.open))
    let stability = Stability(timeline.windows)
    let countedCount =
      windowPlan.endsWhenStable && stability.isStable ? Stability.windowCount : timeline.windows.count
    var total = Interval()
    timeline.windows.suffix(countedCount).forEach { total.add($0) }
    let isPart = control.hasQuota
    if !isPart { total.latencies.add(late.latencies) }
    var violations = Violations()
    generators.forEach { violations.add($0.violations) }
    for violation in disagreements() { violations.add(violation) }
    return RunOutcome(
      plan: plan, workload: workload.description, requestByteCount: workload.meanRequestByteCount,
      resultByteCount: workload.meanResultByteCount, daemon: daemon, timeline: timeline,
      countedWindowCount: countedCount, stability: stability, total: total,
      lateResultCount: isPart ? 0 : late.batchCount, violations: violations,
      verifiedCount: generators.reduce(0) { $0 + $1.verifier.verifiedCount }, processors: processors,
      metrics: metrics, wasInterrupted: Interruption.hasCome)
  }

  /// Batches of which two generators got different bits.
  private func disagreements() -> [Violation] {
    guard let first = generators.first else { return [] }
    return generators.dropFirst().flatMap { other in
      zip(first.verifier.firstResults, other.verifier.firstResults).enumerated().compactMap { index, pair in
        guard let one = pair.0, let two = pair.1, let difference = Verifier.difference(two, one) else { return nil }
        return .otherBits(sequence: UInt64(index), what: "another connection's result: \(difference)")
      }
    }
  }
}
