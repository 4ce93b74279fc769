import XentProtocol
import XentService
import ZeroMQ

/// `/metrics`: every figure that the service publishes.
struct MetricsPage {
  private let metrics: ServiceMetrics
  private let lanes: [LaneMetrics]
  private var text: MetricsText

  static func render(
    _ metrics: ServiceMetrics, _ identity: ServiceIdentity, _ health: Health, as format: MetricsText.Format
  )
    -> [UInt8]
  {
    var page = MetricsPage(metrics, format)
    page.addService(identity, health)
    page.addTraffic()
    page.addTrouble()
    page.addLoad()
    page.addLatency()
    page.addProcess()
    return page.text.finished()
  }

  private init(_ metrics: ServiceMetrics, _ format: MetricsText.Format) {
    self.metrics = metrics
    lanes = metrics.lanes
    text = MetricsText(format)
  }

  /// One sample for each lane.
  private func byLane(_ value: (LaneMetrics) -> Double) -> [MetricsText.Sample] {
    lanes.map { MetricsText.Sample(value($0), [("lane", $0.configuration.name)]) }
  }

  private func byLane(_ value: (LaneMetrics) -> Int) -> [MetricsText.Sample] { byLane { Double(value($0)) } }

  private mutating func addService(_ identity: ServiceIdentity, _ health: Health) {
    let labels = [
      ("version", identity.engine.version), ("kernel", identity.engine.kernelName),
      ("libzmq", identity.libraryVersion),
    ]
    text.add(.info, "xentd_build_info", "What runs.", [MetricsText.Sample(1, labels)])
    text.add(.gauge, "xentd_ready", "1 where the daemon is ready for work.", health.problems.isEmpty ? 1 : 0)
    let selfTest = metrics.selfTest
    text.add(
      .gauge, "xentd_selftest_last_success_timestamp_seconds",
      "When a batch whose answer is known was last computed right; 0 for never.",
      seconds(selfTest.lastSuccessWallNanoseconds))
    text.add(.counter, "xentd_selftest_failures_total", "Self-tests with a wrong answer.", selfTest.failures.value)
    text.add(
      .gauge, "xentd_config_last_reload_successful", "1 where the configuration was accepted when it was last read.",
      metrics.reload.outcome.isSuccessful ? 1 : 0)
    text.add(
      .gauge, "xentd_config_last_reload_timestamp_seconds", "When the configuration was last read.",
      seconds(metrics.reload.outcome.atWallNanoseconds))
  }

  private mutating func addTraffic() {
    text.add(
      .counter, "xentd_batches_received_total", "Requests that came, those that were refused included.",
      lanes.map { lane in
        let endpoints = lane.configuration.requestEndpoints.map(\.address).joined(separator: " ")
        return MetricsText.Sample(lane.requests.value, [("lane", lane.configuration.name), ("endpoint", endpoints)])
      })
    text.add(.counter, "xentd_batches_computed_total", "Batches that were computed.", byLane { $0.batches.value })
    text.add(.counter, "xentd_samples_total", "Rows of the batches that were computed.", byLane { $0.rows.value })
    text.add(.counter, "xentd_received_bytes_total", "Bytes of requests.", byLane { $0.requestBytes.value })
    text.add(
      .counter, "xentd_results_sent_total", "Results that libzmq took, refusals included.", byLane { $0.results.value })
    text.add(.counter, "xentd_sent_bytes_total", "Bytes of these results.", byLane { $0.resultBytes.value })
    text.add(
      .gauge, "xentd_last_batch_timestamp_seconds", "When a batch was last computed; 0 for never.",
      seconds(UInt64(metrics.lastBatchWallNanoseconds.value)))
    text.add("xentd_batch_samples", "Rows of a batch.", per: 1, [([], metrics.batchRows)])
    text.add("xentd_batch_bytes", "Bytes of a request with a batch.", per: 1, [([], metrics.batchBytes)])
    text.add(
      .gauge, "xentd_peers", "Connections that are open.",
      lanes.flatMap { lane in
        lane.endpoints.map { endpoint in
          MetricsText.Sample(
            endpoint.peers.value, [("lane", lane.configuration.name), ("endpoint", endpoint.endpoint)])
        }
      })
  }

  private mutating func addTrouble() {
    text.add(
      .counter, "xentd_batches_failed_total", "Requests that were refused, by the status of their results.",
      lanes.flatMap { lane in
        Status.allCases.filter { $0 != .ok }.map { status in
          MetricsText.Sample(
            lane.refusals(status), [("lane", lane.configuration.name), ("reason", status.name.lowercased())])
        }
      })
    text.add(
      .counter, "xentd_shed_total", "Requests that were refused for want of room or time: BUSY and EXPIRED.",
      byLane { $0.refusals(.busy) + $0.refusals(.expired) })
    text.add(
      .counter, "xentd_results_dropped_total", "Results that were given up.",
      lanes.flatMap { lane in
        LaneMetrics.Drop.allCases.map { reason in
          MetricsText.Sample(lane.drops(reason), [("lane", lane.configuration.name), ("reason", reason.name)])
        }
      })
    text.add(
      .counter, "xentd_peers_refused_total", "Peers that were disconnected because there were too many.",
      byLane { $0.refusedPeers.value })
    text.add(
      .counter, "xentd_second_consumers_total", "Consumers that came where results had one already.",
      byLane { $0.secondConsumers.value })
    text.add(
      .counter, "xentd_memory_resets_total", "Times that queued requests were given up to keep the limit of memory.",
      byLane { $0.memoryResets.value })
    text.add(
      .counter, "xentd_handshake_failures_total", "Connections that came to nothing.",
      lanes.flatMap { lane in
        HandshakeFailure.allCases.map { reason in
          MetricsText.Sample(
            lane.handshakeFailures(reason), [("lane", lane.configuration.name), ("reason", reason.rawValue)])
        }
      })
  }

  private mutating func addLoad() {
    text.add(
      .gauge, "xentd_inflight_batches", "Batches that are computed, and results that wait.", metrics.inflightBatches)
    text.add(
      .gauge, "xentd_inflight_bytes", "Bytes of requests and results that xentd itself holds.", metrics.inflightBytes)
    text.add(.gauge, "xentd_inflight_limit_bytes", "The most that they may be.", metrics.inflightLimitBytes.value)
    text.add(
      .gauge, "xentd_waiting_bytes", "Bytes of results that wait because nobody takes them.",
      byLane { $0.waitingBytes.value })
    text.add(
      .counter, "xentd_receive_paused_seconds_total", "How long a lane took no requests, because its results waited.",
      byLane { seconds(UInt64($0.pausedNanoseconds.value)) })
    text.add(
      .gauge, "xentd_memory_bound_bytes", "What the process is meant to stay under.", metrics.memoryBoundByteCount)
    text.add(.gauge, "xentd_workers", "Threads that may compute at once.", metrics.workerCount)
    text.add(.gauge, "xentd_workers_busy", "Threads that compute now.", metrics.busyWorkers.value)
    text.add(
      .counter, "xentd_worker_busy_seconds_total",
      "Time that was spent computing, for each worker that took part in a round.",
      seconds(UInt64(metrics.workerBusyNanoseconds.value)))
  }

  private mutating func addLatency() {
    text.add(
      "xentd_stage_duration_seconds", "How long batches were in each stage of their way.", per: 1e9,
      metrics.stages.all.map { ([("stage", $0.name)], $0.histogram) })
  }

  private mutating func addProcess() {
    let figures = ProcessFigures()
    text.add(.counter, "process_cpu_seconds_total", "CPU time of this process.", figures.cpuSeconds)
    text.add(.gauge, "process_resident_memory_bytes", "Memory that is in RAM.", figures.residentBytes)
    text.add(.gauge, "process_virtual_memory_bytes", "Memory that is mapped.", figures.virtualBytes)
    text.add(.gauge, "process_open_fds", "Descriptors that are open.", figures.openDescriptors)
    text.add(.gauge, "process_max_fds", "The most that may be.", figures.descriptorLimit)
    text.add(.gauge, "process_threads", "Threads of this process.", figures.threads)
    text.add(.gauge, "process_start_time_seconds", "When this process was started.", figures.startSeconds)
  }
}

private func seconds(_ nanoseconds: UInt64) -> Double { Double(nanoseconds) / 1e9 }
