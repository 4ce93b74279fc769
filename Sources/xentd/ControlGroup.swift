import Glibc

/// The control groups that hold the process, as the kernel tells of them.
enum ControlGroup {
  /// What a file says in the process's group and in each of those around it, whose limits hold too.
  ///
  /// - Parameters:
  ///   - file: the name of a file of cgroup v2.
  ///   - root: where the hierarchy is mounted.
  ///   - membership: the file that tells the process's groups.
  static func values(
    of file: String, root: String = "/sys/fs/cgroup", membership: String = "/proc/self/cgroup"
  ) -> [String] {
    guard let line = firstLine(of: membership, where: { $0.hasPrefix("0::") }) else { return [] }
    return values(of: file, path: String(line.dropFirst(3)), root: root)
  }

  /// The same of a controller of cgroup v1, which has a hierarchy of its own.
  static func values(
    of file: String, controller: String, root: String = "/sys/fs/cgroup", membership: String = "/proc/self/cgroup"
  ) -> [String] {
    func path(_ line: String) -> Substring? {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      return parts.count == 3 && parts[1].split(separator: ",").contains(Substring(controller)) ? parts[2] : nil
    }
    guard let line = firstLine(of: membership, where: { path($0) != nil }), let path = path(line) else { return [] }
    return values(of: file, path: String(path), root: "\(root)/\(controller)")
  }

  /// In a container, the path may be one of the machine, of which only the root is to be seen.
  private static func values(of file: String, path: String, root: String) -> [String] {
    var path = path
    var values: [String] = []
    while true {
      if let value = firstLine(of: "\(root)\(path)/\(file)", where: { _ in true }) { values.append(value) }
      guard let slash = path.lastIndex(of: "/") else { return values }
      path = String(path[..<slash])
    }
  }
}

/// The first line of a file that is wanted; nil where there is none, or the file cannot be read.
func firstLine(of path: String, where isWanted: (String) -> Bool) -> String? {
  guard let stream = fopen(path, "re") else { return nil }
  defer { fclose(stream) }
  var line = [CChar](repeating: 0, count: 4096)
  while fgets(&line, Int32(line.count), stream) != nil {
    let text = String(decoding: line.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    if isWanted(text) { return text }
  }
  return nil
}
