import ArgumentParser
import ZeroMQ

/// `xent keygen`: a pair of keys for an encrypted connection.
struct Keygen: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make a pair of keys for encrypted connections (CURVE).",
    discussion: """
      Writes the secret key to FILE, which only its owner may read, and the public key to FILE.pub, and prints what is \
      in FILE.pub: a line for the daemon's file of clients. Nothing that is there is overwritten.
      """)

  @Argument(help: "The file of the secret key.")
  var file: String

  @Option(help: "What the daemon's log calls the owner of the key.")
  var name = ""

  @Flag(help: "Make no keys: print the public key that belongs to the secret key in FILE.")
  var show = false

  func validate() throws {
    guard !name.contains(where: \.isNewline) else { throw ValidationError("--name: expected one line") }
  }

  func run() throws {
    do {
      let pair: CurveKeyPair
      if show {
        pair = try CurveKeyPair(secretKey: CurveKeyFile.secretKey(at: file))
      } else {
        pair = try .random()
        try CurveKeyFile.write(pair, name: name, to: file)
      }
      print(NamedCurveKey(key: pair.publicKey, name: name).line)
    } catch {
      writeError("xent: \(error)\n")
      throw ExitCode(2)
    }
  }
}
