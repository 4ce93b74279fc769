@preconcurrency import Glibc  // for `environ`

/// A configuration, checked by the daemon's own program.
struct ConfigurationCheck {
  private let program: String

  private static let largestOutputByteCount = 1 << 16

  /// - Throws: `ReloadError` where there is no such program.
  init() throws(ReloadError) {
    var path = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = max(0, readlink("/proc/self/exe", &path, path.count))
    let own = String(decoding: path.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let directories =
      [own.prefix(upTo: own.lastIndex(of: "/") ?? own.startIndex)]
      + (getenv("PATH").map { String(cString: $0) } ?? "/usr/bin").split(separator: ":")
    guard let directory = directories.first(where: { access("\($0)/xentd", X_OK) == 0 }) else {
      throw ReloadError("xentd is neither beside xent nor in PATH, so the file cannot be checked")
    }
    program = "\(directory)/xentd"
  }

  enum Verdict {
    case good
    /// For a reason.
    case bad(String)
    /// A key that the file names cannot be read here; the daemon may be able to.
    case undecided(String)
  }

  /// - Parameter end: when it is given up.
  /// - Throws: `ReloadError` where the check itself fails.
  func verdict(on file: String, until end: ContinuousClock.Instant) throws(ReloadError) -> Verdict {
    let (process, output) = try start(["--check", "--config", file])
    let text = read(output, until: end)
    close(output)
    if text == nil { kill(process, SIGKILL) }
    var status: Int32 = 0
    while waitpid(process, &status, 0) == -1, errno == EINTR {}
    guard let text else { throw ReloadError("\(program) --check --config \(file) has not ended in time") }
    // What is left of the macros: the signal that ended it, and its exit code.
    switch (status & 0x7f, status >> 8 & 0xff) {
    case (0, 0): return .good
    case (0, EX_CONFIG), (0, EX_USAGE): return .bad(text)
    case (0, EX_NOINPUT): return .undecided(text)
    case (let signal, let code):
      throw ReloadError("\(program) --check ended with \(signal == 0 ? "code \(code)" : "signal \(signal)"): \(text)")
    }
  }

  /// - Returns: the process, and what it says on standard error.
  private func start(_ arguments: [String]) throws(ReloadError) -> (process: pid_t, output: Int32) {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw ReloadError("cannot make a pipe: \(String(cString: strerror(errno)))") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO)
    var pointers = ([program] + arguments).map { strdup($0) } + [nil]
    defer { pointers.forEach { free($0) } }
    var process = pid_t()
    let failure = posix_spawn(&process, program, &actions, nil, &pointers, environ)
    close(ends[1])
    guard failure == 0 else {
      close(ends[0])
      throw ReloadError("cannot start \(program): \(String(cString: strerror(failure)))")
    }
    return (process, ends[0])
  }

  /// - Returns: all that comes, without the program's name and the last line's end; nil where it does not end in time.
  private func read(_ descriptor: Int32, until end: ContinuousClock.Instant) -> String? {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let left = ContinuousClock.now.duration(to: end)
      var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard left > .zero else { return nil }
      guard poll(&wanted, 1, Int32(left.components.seconds * 1000) + 100) > 0 else { continue }
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      guard count > 0 else { break }
      if bytes.count < Self.largestOutputByteCount { bytes += chunk[..<count] }
    }
    let text = String(decoding: bytes, as: UTF8.self)
    let name = "xentd: "
    return String(
      (text.hasPrefix(name) ? text.dropFirst(name.count) : text[...]).reversed().drop { $0.isNewline }.reversed())
  }
}
