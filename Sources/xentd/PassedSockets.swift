import Logging
import XentService
import ZeroMQ

/// Warns of what does not come together between a configuration and the sockets that the service manager passes.
func warnOfPassedSockets(_ service: ServiceConfiguration, _ logger: Logger) {
  let passed = InheritedSockets.ofProcess
  let endpoints = service.lanes.flatMap(\.endpoints)
  let addresses = Set(endpoints.map(\.address))
  // Clients that connect there would wait for ever.
  for socket in passed.sockets where addresses.isDisjoint(with: socket.endpoints) {
    logger.warning(
      "no endpoint has a socket that the service manager passes",
      metadata: ["name": "\(socket.name)", "address": "\(socket.endpoints.first ?? "does not listen")"])
  }
  for endpoint in endpoints where endpoint.role == .bind && !endpoint.access.isDefault {
    guard let socket = passed.socket(for: endpoint.address) else { continue }
    logger.warning(
      "mode and group do nothing here: the service manager made the socket; set SocketMode= and SocketGroup= of its unit",
      metadata: ["endpoint": "\(endpoint.address)", "name": "\(socket.name)"])
  }
}
