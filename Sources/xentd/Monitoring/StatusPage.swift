import Glibc
import XentProtocol
import XentService
import ZeroMQ

/// `/status`: the same for programs and for `xent status`, as one JSON object.
struct StatusPage {
  let metrics: ServiceMetrics
  let identity: ServiceIdentity
  let health: Health

  var json: JSON {
    let process = ProcessFigures()
    let problems = health.problems
    return [
      "version": .string(identity.engine.version),
      "kernel": .string(identity.engine.kernelName),
      "libzmq": .string(identity.libraryVersion),
      "workers": .integer(metrics.workerCount),
      "pid": .integer(Int(getpid())),
      "instance": .string(hexadecimal(identity.engine.serverInstance)),
      "uptime_seconds": .number(seconds(metrics.uptimeNanoseconds)),
      "ready": .bool(problems.isEmpty),
      "problems": .array(problems.map(JSON.string)),
      "draining": .bool(metrics.phase == .draining),
      "self_test": selfTest,
      "configuration": configuration,
      "in_flight": [
        "batches": .integer(metrics.inflightBatches), "bytes": .integer(metrics.inflightBytes),
        "limit_bytes": .integer(metrics.inflightLimitBytes.value),
      ],
      "process": [
        "cpu_seconds": .number(process.cpuSeconds), "resident_bytes": .integer(process.residentBytes),
        "memory_bound_bytes": .integer(metrics.memoryBoundByteCount),
        "open_descriptors": .integer(process.openDescriptors),
      ],
      "counts": counts,
      "stages": .object(metrics.stages.all.map { ($0.name, stage($0.histogram)) }),
      "lanes": .array(metrics.lanes.map(lane)),
    ]
  }

  private var selfTest: JSON {
    let test = metrics.selfTest
    let last = test.lastSuccessNanoseconds
    return [
      "period_seconds": .number(seconds(test.periodNanoseconds)),
      "runs": .integer(test.runs.value),
      "failures": .integer(test.failures.value),
      "last_success_age_seconds": last == 0 ? .null : .number(seconds(Clock.monotonicNanoseconds &- last)),
      "last_failure": JSON(test.lastFailure),
    ]
  }

  private var configuration: JSON {
    let outcome = metrics.reload.outcome
    return [
      "file": JSON(identity.configurationFile),
      "reloads": .integer(outcome.attempts),
      "reloading": .bool(outcome.isUnderWay),
      "last_reload_successful": .bool(outcome.isSuccessful),
      "last_reload_error": JSON(outcome.error),
      "waiting_for_restart": .array(outcome.waitingForRestart.map(JSON.string)),
      "last_reload_timestamp_seconds": .number(seconds(outcome.atWallNanoseconds)),
    ]
  }

  private var counts: JSON {
    let counts = metrics.counts
    return [
      "requests": .integer(counts.requests), "request_bytes": .integer(counts.requestBytes),
      "batches": .integer(counts.batches), "rows": .integer(counts.rows), "refusals": .integer(counts.refusals),
      "results": .integer(counts.results), "result_bytes": .integer(counts.resultBytes),
      "dropped_results": .integer(counts.droppedResults),
    ]
  }

  private func stage(_ histogram: Histogram) -> JSON {
    [
      "count": .integer(histogram.bucketCounts.reduce(0, +)),
      "sum_seconds": .number(Double(histogram.sum) / 1e9),
      "bounds_seconds": .array(histogram.bounds.indices.map { .number(Double(histogram.bounds[$0]) / 1e9) }),
      "buckets": .array(histogram.bucketCounts.map(JSON.integer)),
    ]
  }

  private func lane(_ lane: LaneMetrics) -> JSON {
    let configuration = lane.configuration
    let refusals = Status.allCases.filter { lane.refusals($0) > 0 }
    let failures = HandshakeFailure.allCases.map { ($0, lane.handshakeFailures($0)) }.filter { $0.1 > 0 }
    return [
      "name": .string(configuration.name),
      "kind": .string(configuration.kindName),
      "paused": .bool(lane.isPaused),
      "endpoints": .array(
        lane.endpoints.map { ["endpoint": .string($0.endpoint), "peers": .integer($0.peers.value)] }),
      "handshake_failures": .object(failures.map { ($0.0.rawValue, .integer($0.1)) }),
      "limits": [
        "batch_bytes": .integer(configuration.limits.maximumRequestByteCount),
        "result_bytes": .integer(configuration.limits.maximumResultByteCount),
        "rows": .integer(configuration.limits.maximumRowCount),
        "classes": .integer(configuration.limits.maximumClassCount),
        "waiting_bytes": .integer(configuration.maximumWaitingByteCount),
      ],
      "requests": .integer(lane.requests.value),
      "request_bytes": .integer(lane.requestBytes.value),
      "batches": .integer(lane.batches.value),
      "rows": .integer(lane.rows.value),
      "refusals": .object(refusals.map { ($0.name, .integer(lane.refusals($0))) }),
      "results": .integer(lane.results.value),
      "result_bytes": .integer(lane.resultBytes.value),
      "dropped_results": .integer(lane.dropCount),
      "refused_peers": .integer(lane.refusedPeers.value),
      "second_consumers": .integer(lane.secondConsumers.value),
      "memory_resets": .integer(lane.memoryResets.value),
      "waiting_results": .integer(lane.waitingResults.value),
      "waiting_bytes": .integer(lane.waitingBytes.value),
      "paused_seconds": .number(Double(lane.pausedNanoseconds.value) / 1e9),
    ]
  }
}

private func seconds(_ nanoseconds: UInt64) -> Double { Double(nanoseconds) / 1e9 }

private func hexadecimal(_ number: UInt64) -> String {
  let digits = String(number, radix: 16)
  return String(repeating: "0", count: 16 - digits.count) + digits
}
