import Glibc

/// What processes and threads have computed, from `/proc`.
enum ProcessorUse {
  /// Seconds of a process; nil where it cannot be told.
  static func seconds(ofProcess id: Int32) -> Double? { seconds(statFile: "/proc/\(id)/stat") }

  /// Each thread of a process, by its number.
  static func threads(ofProcess id: Int32) -> [Int32: ThreadUse] {
    let threads = directoryNames("/proc/\(id)/task").compactMap(Int32.init).compactMap { thread in
      threadUse("/proc/\(id)/task/\(thread)", thread)
    }
    return Dictionary(uniqueKeysWithValues: threads.map { ($0.id, $0) })
  }

  private static func threadUse(_ folder: String, _ id: Int32) -> ThreadUse? {
    let name = (contents(folder + "/comm") ?? "").split(separator: "\n").first.map(String.init) ?? ""
    // Nanoseconds that it ran and that it waited for a processor; what `stat` tells comes in hundredths of a second.
    let times = contents(folder + "/schedstat")?.split(whereSeparator: \.isWhitespace).compactMap { Double($0) } ?? []
    if times.count == 3, times[0] > 0 {
      return ThreadUse(id: id, name: name, computedSeconds: times[0] / 1e9, waitedSeconds: times[1] / 1e9)
    }
    return seconds(statFile: folder + "/stat").map {
      ThreadUse(id: id, name: name, computedSeconds: $0, waitedSeconds: nil)
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
