import Glibc

/// What processes and threads have computed, from `/proc`.
enum ProcessorUse {
  /// Seconds of a process; nil where it cannot be told.
  static func seconds(ofProcess id: Int32) -> Double? { seconds(statFile: "/proc/\(id)/stat") }

  /// Seconds of each thread of a process, by its name and number.
  static func secondsOfThreads(ofProcess id: Int32) -> [(name: String, id: Int32, seconds: Double)] {
    directoryNames("/proc/\(id)/task").compactMap { name in
      guard let thread = Int32(name), let seconds = seconds(statFile: "/proc/\(id)/task/\(name)/stat") else {
        return nil
      }
      let title = contents("/proc/\(id)/task/\(name)/comm") ?? ""
      return (title.split(separator: "\n").first.map(String.init) ?? "", thread, seconds)
    }
  }

  /// Seconds that all processors together were busy, and that passed for all.
  static func machineSeconds() -> (busy: Double, total: Double)? {
    guard let line = contents("/proc/stat")?.split(separator: "\n").first else { return nil }
    let ticks = line.split(separator: " ").dropFirst().prefix(8).compactMap { Double($0) }
    guard ticks.count == 8 else { return nil }
    let total = ticks.reduce(0, +)
    return ((total - ticks[3] - ticks[4]) / ticksPerSecond, total / ticksPerSecond)
  }

  static let processorCount = Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))

  private static let ticksPerSecond = Double(sysconf(Int32(_SC_CLK_TCK)))

  private static func seconds(statFile: String) -> Double? {
    // The name in parentheses may hold anything; the times are the 12th and 13th field behind it.
    guard let text = contents(statFile), let end = text.lastIndex(of: ")") else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return nil }
    return (user + system) / ticksPerSecond
  }

  static func directoryNames(_ path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      names.append(
        withUnsafePointer(to: &entry.pointee.d_name) { pointer in
          pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        })
    }
    return names
  }

  /// A small file as text.
  static func contents(_ path: String) -> String? {
    guard let stream = fopen(path, "re") else { return nil }
    defer { fclose(stream) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 14)
    while case let count = fread(&chunk, 1, chunk.count, stream), count > 0 { bytes += chunk[..<count] }
    return String(decoding: bytes, as: UTF8.self)
  }
}
