import ArgumentParser
import Glibc
import Logging
import MonitoringHTTP
import XentProtocol
import XentService

/// What the daemon is set to, from the file or the command line.
struct Settings: Equatable {
  var service: ServiceConfiguration
  /// The name of a kernel; nil for the fastest that the machine can run.
  var kernelName: String?
  var logLevel = Logger.Level.info
  /// Where metrics, health and status are to be read.
  var http: [ListenAddress]
  /// The file that this comes from; nil where it comes from the command line.
  var file: String?

  var workerCount: Int { service.workerCount ?? availableCoreCount() }
  var memoryByteLimit: Int { service.memoryByteLimit ?? defaultMemoryByteLimit() }
  var memoryBudget: MemoryBudget { MemoryBudget(service, workerCount: workerCount) }
}

/// Where a daemon is to be asked how it is, if nobody says otherwise.
func defaultHTTP(_ endpoints: DefaultEndpoints?) -> [ListenAddress] {
  [.tcp(host: "127.0.0.1", port: 9464)] + (endpoints.map { [.unix(path: $0.http)] } ?? [])
}

/// The lanes of a daemon that is told of none: one of each kind.
func defaultLanes(_ endpoints: DefaultEndpoints) -> [LaneConfiguration] {
  [
    LaneConfiguration(
      name: "pipeline",
      sockets: .pipeline(
        requests: [EndpointConfiguration(endpoints.requests)], results: [EndpointConfiguration(endpoints.results)])),
    LaneConfiguration(name: "router", sockets: .router([EndpointConfiguration(endpoints.router)])),
  ]
}

/// Where the default sockets are, if this process may make one there now.
func writableRunDirectory() -> DefaultEndpoints? {
  let runtimeDirectory = getenv("XDG_RUNTIME_DIR").map { String(cString: $0) }
  let user = DefaultEndpoints.user(environment: runtimeDirectory.map { ["XDG_RUNTIME_DIR": $0] } ?? [:])
  return [.system, user].compactMap(\.self).first { access($0.directory, W_OK) == 0 }
}

/// Where the default sockets are: made if it is not there.
func runDirectory() throws -> DefaultEndpoints {
  let endpoints: DefaultEndpoints
  if geteuid() == 0 {
    endpoints = .system
  } else if let value = getenv("XDG_RUNTIME_DIR"),
    let user = DefaultEndpoints.user(environment: ["XDG_RUNTIME_DIR": String(cString: value)])
  {
    endpoints = user
  } else {
    throw ValidationError("XDG_RUNTIME_DIR is not set, so there is no place for sockets; name them with --router")
  }
  if mkdir(endpoints.directory, 0o755) != 0, errno != EEXIST {
    throw ValidationError("cannot make \(endpoints.directory): \(String(cString: strerror(errno)))")
  }
  return endpoints
}
