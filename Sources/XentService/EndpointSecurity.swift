import Glibc
import ZeroMQ

extension EndpointConfiguration {
  /// What is wrong with letting everybody in there who comes; nil where nothing is.
  package var securityProblem: String? {
    guard security == .none, !allowsInsecure, isReachableFromOutside else { return nil }
    return "other machines can reach it, and it has no encryption and lets everybody in; write `curve: true` to it "
      + "(`xent keygen` makes the keys), or `allow_insecure: true` where only friends can reach it"
  }

  private var isReachableFromOutside: Bool {
    let prefix = "tcp://"
    guard address.hasPrefix(prefix), let colon = address.lastIndex(of: ":") else { return false }
    let host = address[address.index(address.startIndex, offsetBy: prefix.count)..<colon]
    return !isLoopback(String(host), role)
  }
}

private func isLoopback(_ host: String, _ role: EndpointConfiguration.Role) -> Bool {
  var address = in_addr()
  if inet_pton(AF_INET, host, &address) == 1 { return UInt32(bigEndian: address.s_addr) >> 24 == 127 }
  var wide = in6_addr()
  if host.hasPrefix("["), host.hasSuffix("]"), inet_pton(AF_INET6, String(host.dropFirst().dropLast()), &wide) == 1 {
    let bytes = withUnsafeBytes(of: wide) { Array($0) }
    let mappedPrefix: [UInt8] = Array(repeating: 0, count: 10) + [255, 255]
    return bytes == Array(repeating: 0, count: 15) + [1] || (bytes.starts(with: mappedPrefix) && bytes[12] == 127)
  }
  // An interface's name, or where libzmq connects a host's.
  return role == .bind ? host == "lo" : host == "localhost"
}
