import FoundationEssentials

/// What a daemon tells of itself at `/status`.
struct DaemonStatus: Decodable {
  let version: String
  let kernel: String
  let libzmq: String
  let workers: Int
  let pid: Int
  let instance: String
  let uptimeSeconds: Double
  let ready: Bool
  let problems: [String]
  let selfTest: SelfTest
  let configuration: Configuration
  let inFlight: InFlight
  let process: Process
  let counts: Counts
  let stages: [String: Stage]
  let lanes: [Lane]

  struct SelfTest: Decodable {
    let periodSeconds: Double
    let runs: Int
    let failures: Int
    let lastSuccessAgeSeconds: Double?
    let lastFailure: String?
  }

  struct Configuration: Decodable {
    let file: String?
    /// Those that are over.
    let reloads: Int
    /// Whether one is under way.
    let reloading: Bool
    let lastReloadSuccessful: Bool
    let lastReloadError: String?
    /// Settings of the file that are in force only after the next start.
    let waitingForRestart: [String]
  }

  struct InFlight: Decodable {
    let batches: Int
    let bytes: Int
    let limitBytes: Int
  }

  struct Process: Decodable {
    let cpuSeconds: Double
    let residentBytes: Int
    let memoryBoundBytes: Int
    let openDescriptors: Int
  }

  struct Counts: Decodable {
    let requests: Int
    let requestBytes: Int
    let batches: Int
    let rows: Int
    let refusals: Int
    let results: Int
    let resultBytes: Int
    let droppedResults: Int
  }

  struct Stage: Decodable {
    let sumSeconds: Double
    /// The largest value of each bucket but the last, which has no end.
    let boundsSeconds: [Double]
    let buckets: [Int]
  }

  struct Lane: Decodable {
    let name: String
    let kind: String
    let paused: Bool
    let endpoints: [Endpoint]
    let batches: Int
    let rows: Int
    let requestBytes: Int
    let resultBytes: Int
    let refusals: [String: Int]
    /// Connections that came to nothing, by why.
    let handshakeFailures: [String: Int]
    let droppedResults: Int
    let waitingResults: Int
    let waitingBytes: Int
    let pausedSeconds: Double
  }

  struct Endpoint: Decodable {
    let endpoint: String
    let peers: Int
  }

  init(json: [UInt8]) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    self = try decoder.decode(DaemonStatus.self, from: Data(json))
  }
}
