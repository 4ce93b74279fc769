import ArgumentParser
import Glibc
import Logging
import XentProtocol
import XentService

/// What the daemon is set to, from the file or the command line.
struct Settings: Equatable {
  var service: ServiceConfiguration
  /// The name of a kernel; nil for the fastest that the machine can run.
  var kernelName: String?
  var logLevel = Logger.Level.info

  var workerCount: Int { service.workerCount ?? availableCoreCount() }
  var memoryByteLimit: Int { service.memoryByteLimit ?? defaultMemoryByteLimit() }
  var memoryBudget: MemoryBudget { MemoryBudget(service, workerCount: workerCount) }
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
