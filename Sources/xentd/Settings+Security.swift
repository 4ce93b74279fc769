import Glibc
import ZeroMQ

/// The keys of endpoints with CURVE, from the files that the configuration names.
struct CurveSettings {
  let secretKey: CurveSecretKey
  /// The names of the clients that may connect, by their public keys.
  let clients: [CurvePublicKey: String]

  static let keys = ["secret_key", "clients"]
  /// What stands before the name of a credential of systemd's instead of a path.
  private static let credentialPrefix = "credential:"

  /// Reads the key `curve` of a section; nil where it is not there.
  init?(_ parent: Section) throws(ConfigurationError) {
    guard let section = try parent.section("curve", keys: Self.keys) else { return nil }
    guard hasCurve else { throw parent.error("curve", "this libzmq (\(libraryVersion())) was built without it") }
    secretKey = try section.keys("secret_key") { (path) throws(CurveKeyFileError) in
      try CurveKeyFile.secretKey(at: path)
    }
    let clients = try section.keys("clients") { (path) throws(CurveKeyFileError) in
      try CurveKeyFile.publicKeys(at: path)
    }
    self.clients = Dictionary(uniqueKeysWithValues: clients.map { ($0.key, $0.name) })
  }

  /// The path that a setting stands for.
  fileprivate static func path(_ setting: String) -> Result<String, PathProblem> {
    guard setting.hasPrefix(credentialPrefix) else {
      return setting.hasPrefix("/")
        ? .success(setting) : .failure(PathProblem("expected a path that begins with / or credential:NAME"))
    }
    guard let directory = getenv("CREDENTIALS_DIRECTORY") else {
      return .failure(PathProblem("CREDENTIALS_DIRECTORY is not set; does the unit have LoadCredential=?"))
    }
    return .success(String(cString: directory) + "/" + setting.dropFirst(credentialPrefix.count))
  }
}

private struct PathProblem: Error {
  let words: String
  init(_ words: String) { self.words = words }
}

extension Section {
  /// What is read from the file that a key names.
  fileprivate func keys<Content>(
    _ key: String, _ read: (String) throws(CurveKeyFileError) -> Content
  ) throws(ConfigurationError) -> Content {
    let setting = try text(key)
    switch CurveSettings.path(setting) {
    case .failure(let problem): throw error(key, "\(setting): \(problem.words)")
    case .success(let path):
      do throws(CurveKeyFileError) {
        return try read(path)
      } catch {
        var problem = self.error(key, error.description)
        problem.isOfOtherFile = error.isOfSystem
        throw problem
      }
    }
  }

  /// The mode of a file, in octal.
  func mode(_ key: String) throws(ConfigurationError) -> UInt32? {
    guard let text = try optionalText(key) else { return nil }
    guard let mode = UInt32(text, radix: 8), mode <= 0o777 else {
      throw error(key, "expected an octal number from 0 to 777, like \"0660\", received \(text)")
    }
    return mode
  }

  /// A group, by its name or number.
  func group(_ key: String) throws(ConfigurationError) -> UInt32? {
    guard let text = try optionalText(key) else { return nil }
    if let number = UInt32(text) { return number }
    guard let entry = getgrnam(text) else { throw error(key, "there is no group \(text)") }
    return entry.pointee.gr_gid
  }
}
