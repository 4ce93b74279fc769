import Glibc

/// What the name of a socket can have, its terminating zero not counted.
let longestSocketPathByteCount = 107

extension EndpointConfiguration {
  /// What is wrong with the address; nil where nothing is that can be told without a socket.
  package var problem: String? {
    if let path = address.suffix(behind: "ipc://"), !path.isEmpty, path != "*" { return pathProblem(path) }
    if let place = address.suffix(behind: "tcp://") { return placeProblem(place, role: role) }
    return "expected ipc://PATH or tcp://ADDRESS:PORT"
  }
}

private func pathProblem(_ path: Substring) -> String? {
  let count = path.utf8.count
  guard count > longestSocketPathByteCount else { return nil }
  return "its path has \(count) bytes, and a socket's has at most \(longestSocketPathByteCount); choose a shorter one"
}

private func placeProblem(_ place: Substring, role: EndpointConfiguration.Role) -> String? {
  guard let colon = place.lastIndex(of: ":") else { return "expected tcp://ADDRESS:PORT, and there is no port" }
  let (host, port) = (String(place[..<colon]), place[place.index(after: colon)...])
  guard let number = Int(port), (1...65535).contains(number) else {
    return "expected a port from 1 to 65535, received \(port.isEmpty ? "none" : String(port))"
  }
  if role == .connect {
    // libzmq looks names up where it connects.
    return host.isEmpty || host == "*"
      ? "expected an address or a name before the port, received \(host.isEmpty ? "nothing" : host)" : nil
  }
  guard host == "*" || isNumericAddress(host) || if_nametoindex(host) != 0 else {
    return "expected *, an address or the name of a network interface of this machine before the port, "
      + "received \(host.isEmpty ? "nothing" : host)"
  }
  return nil
}

/// Whether this is an IPv4 address, or an IPv6 address in brackets. libzmq looks no names up where it binds.
private func isNumericAddress(_ host: String) -> Bool {
  var bytes = in6_addr()
  if inet_pton(AF_INET, host, &bytes) == 1 { return true }
  guard host.hasPrefix("["), host.hasSuffix("]") else { return false }
  return inet_pton(AF_INET6, String(host.dropFirst().dropLast()), &bytes) == 1
}

extension String {
  fileprivate func suffix(behind prefix: String) -> Substring? { hasPrefix(prefix) ? dropFirst(prefix.count) : nil }
}
