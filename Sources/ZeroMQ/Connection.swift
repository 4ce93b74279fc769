import Glibc

/// Ends a connection that libzmq has accepted: it takes the peer for gone. libzmq itself has no call for that.
///
/// The descriptor may have been closed, and given to something else, since it was reported. So it is duplicated, which
/// keeps what it stands for, and nothing is done unless that is a connection by the endpoint.
func endConnection(_ descriptor: Int32, endpoint: String) {
  let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
  guard copy >= 0 else { return }
  defer { close(copy) }
  guard isConnection(copy, by: endpoint) else { return }
  shutdown(copy, Int32(SHUT_RDWR))
}

private func isConnection(_ descriptor: Int32, by endpoint: String) -> Bool {
  var address = sockaddr_storage()
  var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
  let named = withUnsafeMutablePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
  }
  var isListening: Int32 = 1
  var optionLength = socklen_t(MemoryLayout<Int32>.size)
  guard named == 0, getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &optionLength) == 0,
    isListening == 0
  else { return false }
  return withUnsafeBytes(of: address) { bytes in
    switch Int32(address.ss_family) {
    case AF_UNIX:
      let path = bytes[MemoryLayout<sa_family_t>.size..<Int(length)].prefix { $0 != 0 }
      return endpoint == "ipc://" + String(decoding: path, as: UTF8.self)
    case AF_INET, AF_INET6:  // the port stands at the same place in both
      let port = UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
      return endpoint.hasPrefix("tcp://") && endpoint.hasSuffix(":\(port)")
    default: return false
    }
  }
}
