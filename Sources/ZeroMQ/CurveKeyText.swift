/// A line of a file of keys: a key, and perhaps what it is called.
package struct NamedCurveKey: Equatable, Sendable {
  package let key: CurvePublicKey
  /// What stands behind the key, or nothing.
  package let name: String

  package init(key: CurvePublicKey, name: String) {
    self.key = key
    self.name = name
  }

  /// As it stands in a file.
  package var line: String { name.isEmpty ? key.z85 : "\(key.z85) \(name)" }
}

/// What is wrong with a line of keys. Does not repeat the line: it may be a secret.
package struct CurveTextError: Error, Equatable, Sendable, CustomStringConvertible {
  package let line: Int
  package let problem: String
  package var description: String { "line \(line): \(problem)" }
}

/// Reads public keys, one a line, each with a name behind it if it pleases. Empty lines and lines that begin with `#`
/// (as no key does) say nothing.
package func namedCurveKeys(in text: String) throws(CurveTextError) -> [NamedCurveKey] {
  var keys: [NamedCurveKey] = []
  var lines: [CurvePublicKey: Int] = [:]
  for (line, words) in wordLines(of: text) {
    guard let key = CurvePublicKey(z85: words[0]) else { throw notAKey(words[0], line: line) }
    if let first = lines.updateValue(line, forKey: key) {
      throw CurveTextError(line: line, problem: "the key of line \(first) once more; each key stands once")
    }
    keys.append(NamedCurveKey(key: key, name: words.dropFirst().joined(separator: " ")))
  }
  return keys
}

/// Reads the one secret key of a text; lines are as in `namedCurveKeys(in:)`.
package func curveSecretKey(in text: String) throws(CurveTextError) -> CurveSecretKey {
  let lines = wordLines(of: text)
  guard let (line, words) = lines.first else {
    throw CurveTextError(line: 1, problem: "expected a secret key, found none")
  }
  guard lines.count == 1, words.count == 1 else {
    throw CurveTextError(line: lines.last!.0, problem: "expected one secret key and nothing else")
  }
  guard let key = CurveSecretKey(z85: words[0]) else { throw notAKey(words[0], line: line) }
  return key
}

private func notAKey(_ word: Substring, line: Int) -> CurveTextError {
  CurveTextError(
    line: line,
    problem: "expected a key, which is \(keyCharacterCount) characters of Z85, found "
      + (word.utf8.count == keyCharacterCount
        ? "\(keyCharacterCount) characters that are no key" : "\(word.utf8.count) characters"))
}

/// The lines that say something, by their numbers from 1, as words.
private func wordLines(of text: String) -> [(Int, [Substring])] {
  text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated().compactMap { place, line in
    let words = line.split(whereSeparator: \.isWhitespace)
    guard let first = words.first, !first.hasPrefix("#") else { return nil }
    return (place + 1, words)
  }
}
