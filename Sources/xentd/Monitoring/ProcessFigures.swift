import Glibc
import XentService

/// What the kernel says of this process, read from /proc/self alone: a service may be shown no more of /proc.
struct ProcessFigures {
  var cpuSeconds = 0.0
  var residentBytes = 0
  var virtualBytes = 0
  var openDescriptors = 0
  var descriptorLimit = 0
  var threads = 0
  /// Since 1970.
  var startSeconds = 0.0

  init() {
    let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
    // The fields of proc(5)'s stat behind the name, which may hold anything; the first of them is the third.
    if let line = contents(of: "/proc/self/stat"), let end = line.lastIndex(of: ")") {
      let fields = line[line.index(after: end)...].split(separator: " ")
      func field(_ number: Int) -> Double { number - 3 < fields.count ? Double(fields[number - 3]) ?? 0 : 0 }
      cpuSeconds = (field(14) + field(15)) / ticks
      threads = Int(field(20))
      virtualBytes = Int(field(23))
      residentBytes = Int(field(24)) * sysconf(Int32(_SC_PAGESIZE))
      startSeconds = Self.bootSeconds + field(22) / ticks
    }
    openDescriptors = Self.openDescriptorCount
    var limit = rlimit()
    if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
      descriptorLimit = Int(clamping: limit.rlim_cur)
    }
  }

  /// When the machine was started, since 1970: the same at each call, or the metric would change with each.
  private static let bootSeconds: Double = {
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    return Double(Clock.wallNanoseconds) * 1e-9 - Double(time.tv_sec) - Double(time.tv_nsec) * 1e-9
  }()

  private static var openDescriptorCount: Int {
    guard let directory = opendir("/proc/self/fd") else { return 0 }
    defer { closedir(directory) }
    var count = 0
    while readdir(directory) != nil { count += 1 }
    return count - 3  // `.`, `..`, and the directory's own
  }
}

private func contents(of path: String) -> String? {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  let bytes = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
    count = max(0, read(descriptor, buffer.baseAddress, buffer.count))
  }
  return String(decoding: bytes, as: UTF8.self)
}
