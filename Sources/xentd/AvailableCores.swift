import Glibc

/// The cores that the process may use: those of its affinity mask, or fewer where its cgroup has a quota of CPU time.
func availableCoreCount() -> Int {
  max(1, min(affinityCoreCount(), quotaCoreCount() ?? .max))
}

/// The cores of the affinity mask, as the kernel writes it: hexadecimal words with commas between them.
private func affinityCoreCount() -> Int {
  let key = "Cpus_allowed:"
  guard let line = firstLine(of: "/proc/self/status", where: { $0.hasPrefix(key) }) else {
    return Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
  }
  return line.dropFirst(key.count).reduce(0) { $0 + ($1.hexDigitValue ?? 0).nonzeroBitCount }
}

/// The quota of the process's control group in cores, rounded up; nil where there is none. (The Dispatch library does not
/// look.)
private func quotaCoreCount() -> Int? { ControlGroup.values(of: "cpu.max").compactMap(coreCount).min() }

/// The cores of a line like `150000 100000`: quota and period in microseconds.
private func coreCount(_ line: String) -> Int? {
  let parts = line.split(separator: " ")
  guard parts.count == 2, let quota = Int(parts[0]), let period = Int(parts[1]), period > 0 else { return nil }
  return (quota + period - 1) / period
}
