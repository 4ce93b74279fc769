import FoundationEssentials

/// What a daemon tells of itself.
package struct DaemonInfo: Decodable {
  package let version: String
  package let kernel: String
  package let workers: Int
  package let lane: String
  package let limits: Limits

  package struct Limits: Decodable {
    package let batchBytes: Int
    package let resultBytes: Int
    package let rows: Int
    package let classes: Int

    enum CodingKeys: String, CodingKey {
      case batchBytes = "batch_bytes"
      case resultBytes = "result_bytes"
      case rows
      case classes
    }

    /// What all of several daemons take.
    package static func smallest(of limits: [Limits]) -> Limits {
      func least(_ limit: KeyPath<Limits, Int>) -> Int { limits.map { $0[keyPath: limit] }.min()! }
      return Limits(
        batchBytes: least(\.batchBytes), resultBytes: least(\.resultBytes), rows: least(\.rows),
        classes: least(\.classes))
    }
  }

  package init(json: String) throws { self = try JSONDecoder().decode(DaemonInfo.self, from: Data(json.utf8)) }
}
