import ArgumentParser
import Glibc
import XentClient

/// Which daemon is loaded, and by which lane.
struct LaneArguments: ParsableArguments {
  @Option(help: ArgumentHelp("The daemon's router lane (default: as `xent` finds it).", valueName: "endpoint"))
  var endpoint: String?

  @Option(help: ArgumentHelp("The requests of a pipeline lane; goes with --results.", valueName: "endpoint"))
  var requests: String?

  @Option(help: ArgumentHelp("The results of a pipeline lane; goes with --requests.", valueName: "endpoint"))
  var results: String?

  @Option(
    help: ArgumentHelp(
      "Where the daemon's metrics are: unix:/path or http://host:port/metrics (default: http.sock beside its socket).",
      valueName: "address"))
  var metrics: String?

  @Option(
    help: ArgumentHelp("The daemon's process, whose CPU time is told (default: who listens there).", valueName: "id"))
  var pid: Int32?

  func validate() throws {
    if (requests == nil) != (results == nil) { throw ValidationError("--requests and --results go together") }
    if endpoint != nil, requests != nil { throw ValidationError("--endpoint is a router lane; leave out --requests") }
    if let metrics, MetricsSource(metrics) == nil {
      throw ValidationError("--metrics: expected unix:/path or http://host:port/path, received \(metrics)")
    }
  }

  var isPipeline: Bool { requests != nil }

  func endpoints() throws -> ClientEndpoints {
    if let requests, let results { return .pipeline(requests: requests, results: results) }
    if let endpoint { return .router(endpoint) }
    var environment: [String: String] = [:]
    for name in ["XENTD_ENDPOINT", "XDG_RUNTIME_DIR"] {
      if let value = getenv(name) { environment[name] = String(cString: value) }
    }
    let found = try ClientEndpoints.found(environment: environment)
    guard found.count == 1 else {
      throw LoadError(
        "$XENTD_ENDPOINT names \(found.count) daemons; expected 1, for a run loads one: choose it with --endpoint")
    }
    return found[0]
  }

  func metricsSource(_ endpoints: ClientEndpoints) -> MetricsSource? {
    metrics.map { MetricsSource($0) } ?? .beside(endpoints)
  }
}
