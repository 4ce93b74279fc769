import Glibc

/// The files that keys are kept in.
package enum CurveKeyFile {
  /// More than any list of keys has.
  private static let largestByteCount = 16 << 20

  /// Reads the secret key of a file that nobody else may read.
  package static func secretKey(at path: String) throws(CurveKeyFileError) -> CurveSecretKey {
    let (text, mode) = try contents(of: path)
    guard mode & 0o007 == 0 else {
      throw CurveKeyFileError(
        path: path, problem: "everybody may use it (mode \(octal(mode))), and it is secret; chmod 600 \(path)")
    }
    do throws(CurveTextError) {
      return try curveSecretKey(in: text)
    } catch {
      throw CurveKeyFileError(path: path, problem: error.description)
    }
  }

  /// Reads public keys with their names.
  package static func publicKeys(at path: String) throws(CurveKeyFileError) -> [NamedCurveKey] {
    let (text, _) = try contents(of: path)
    do throws(CurveTextError) {
      return try namedCurveKeys(in: text)
    } catch {
      throw CurveKeyFileError(path: path, problem: error.description)
    }
  }

  /// Writes the secret key to a new file that only its owner may read, and the public key beside it, to `path.pub`.
  package static func write(_ pair: CurveKeyPair, name: String, to path: String) throws(CurveKeyFileError) {
    try create(
      path, mode: 0o600, "# A secret key; the public key that belongs to it is in \(path).pub.\n\(pair.secretKey.z85)\n"
    )
    do throws(CurveKeyFileError) {
      try create(path + ".pub", mode: 0o644, NamedCurveKey(key: pair.publicKey, name: name).line + "\n")
    } catch {
      unlink(path)
      throw error
    }
  }

  private static func create(_ path: String, mode: mode_t, _ text: String) throws(CurveKeyFileError) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else {
      throw errno == EEXIST
        ? CurveKeyFileError(path: path, problem: "is there already; it is not overwritten")
        : CurveKeyFileError(path: path, "written")
    }
    defer { close(descriptor) }
    // Whatever the umask is; and a key that did not reach the disk is worse than none.
    guard fchmod(descriptor, mode) == 0, Glibc.write(descriptor, text, text.utf8.count) == text.utf8.count,
      fsync(descriptor) == 0
    else {
      let error = CurveKeyFileError(path: path, "written")
      unlink(path)
      throw error
    }
  }

  private static func contents(of path: String) throws(CurveKeyFileError) -> (text: String, mode: mode_t) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw CurveKeyFileError(path: path, "read") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw CurveKeyFileError(path: path, "read") }
    guard status.st_mode & S_IFMT == S_IFREG else { throw CurveKeyFileError(path: path, problem: "is not a file") }
    guard status.st_size <= largestByteCount else {
      throw CurveKeyFileError(
        path: path, problem: "has \(status.st_size) bytes, and a file of keys at most \(largestByteCount)")
    }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.count <= largestByteCount {
      let count = read(descriptor, &chunk, chunk.count)
      if count == 0 { break }
      guard count > 0 else { throw CurveKeyFileError(path: path, "read") }
      bytes += chunk[..<count]
    }
    return (String(decoding: bytes, as: UTF8.self), status.st_mode & 0o777)
  }
}

private func octal(_ mode: mode_t) -> String { String(mode, radix: 8) }

/// What is wrong with a file of keys.
package struct CurveKeyFileError: Error, Equatable, Sendable, CustomStringConvertible {
  package let path: String
  package let problem: String
  /// Whether the system does not let this process have the file, so that nothing is known of what is in it.
  package let isOfSystem: Bool
  package var description: String { "\(path): \(problem)" }

  init(path: String, problem: String) {
    self.path = path
    self.problem = problem
    isOfSystem = false
  }

  /// For the error that the system has just left.
  init(path: String, _ doing: String) {
    self.path = path
    problem = "cannot be \(doing): \(String(cString: strerror(errno)))"
    isOfSystem = true
  }
}
