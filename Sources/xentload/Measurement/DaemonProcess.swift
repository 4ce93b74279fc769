import Glibc
import XentClient

/// Which process of this machine listens at an endpoint.
enum DaemonProcess {
  /// - Returns: nil where that cannot be told: another machine's, another user's, a TCP endpoint.
  static func id(listeningAt endpoints: ClientEndpoints) -> Int32? {
    let endpoint =
      switch endpoints {
      case .router(let endpoint): endpoint
      case .pipeline(let requests, _): requests
      }
    guard endpoint.hasPrefix("ipc://"), let inode = inode(ofSocketAt: String(endpoint.dropFirst("ipc://".count)))
    else { return nil }
    let owners = ProcessorUse.directoryNames("/proc").compactMap(Int32.init).filter { holds($0, inode) }
    // With socket activation, systemd holds the socket, too.
    return owners.first { $0 != 1 }
  }

  /// The inode of the socket that listens at a path.
  private static func inode(ofSocketAt path: String) -> String? {
    let listens = "00010000"
    for line in (ProcessorUse.contents("/proc/net/unix") ?? "").split(separator: "\n") {
      let fields = line.split(separator: " ", maxSplits: 7)
      if fields.count == 8, fields[3] == listens, fields[7] == path { return String(fields[6]) }
    }
    return nil
  }

  private static func holds(_ process: Int32, _ inode: String) -> Bool {
    let folder = "/proc/\(process)/fd"
    return ProcessorUse.directoryNames(folder).contains { name in
      var target = [CChar](repeating: 0, count: 64)
      let length = readlink("\(folder)/\(name)", &target, target.count)
      return length > 0 && target[..<length].elementsEqual("socket:[\(inode)]".utf8.map { CChar(bitPattern: $0) })
    }
  }
}
