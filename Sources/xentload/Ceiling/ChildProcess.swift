@preconcurrency import Glibc  // for `environ`

/// Another process that runs this program; ended when its owner lets it go.
struct ChildProcess: ~Copyable {
  private let id: pid_t
  private let output: UnsafeMutablePointer<FILE>

  init(arguments: [String]) throws {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw LoadError("cannot make a pipe: \(String(cString: strerror(errno)))") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
    let program = "/proc/self/exe"
    var pointers = (["xentload"] + arguments).map { strdup($0) } + [nil]
    defer { pointers.forEach { free($0) } }
    var id = pid_t()
    let failure = posix_spawn(&id, program, &actions, nil, &pointers, environ)
    close(ends[1])
    guard failure == 0, let output = fdopen(ends[0], "r") else {
      close(ends[0])
      throw LoadError("cannot start \(program): \(String(cString: strerror(failure)))")
    }
    self.id = id
    self.output = output
  }

  deinit {
    kill(id, SIGKILL)
    var status: Int32 = 0
    while waitpid(id, &status, 0) == -1, errno == EINTR {}
    fclose(output)
  }

  /// The next line that it prints; nil when it has ended.
  func line() -> String? {
    var text: UnsafeMutablePointer<CChar>?
    var size = 0
    defer { free(text) }
    guard getline(&text, &size, output) > 0, let text else { return nil }
    return String(cString: text).split(separator: "\n").first.map(String.init)
  }
}
