import FoundationEssentials

/// What a daemon tells of itself.
struct DaemonInfo: Decodable {
  let version: String
  let kernel: String
  let workers: Int
  let lane: String
  let limits: Limits

  struct Limits: Decodable {
    let batchBytes: Int
    let resultBytes: Int
    let rows: Int
    let classes: Int

    enum CodingKeys: String, CodingKey {
      case batchBytes = "batch_bytes"
      case resultBytes = "result_bytes"
      case rows
      case classes
    }
  }

  init(json: String) throws { self = try JSONDecoder().decode(DaemonInfo.self, from: Data(json.utf8)) }
}
