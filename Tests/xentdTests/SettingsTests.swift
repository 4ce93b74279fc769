import Foundation
import Testing
import XentService

@testable import xentd

@Suite("Settings")
struct SettingsTests {
  @Test("the shipped configuration says what the daemon does without one, and names every option")
  func shippedFile() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Config/xentd.yaml").path
    let service = ServiceConfiguration(lanes: defaultLanes(.system))
    let withoutOne = Settings(service: service, http: defaultHTTP(.system), file: file)
    #expect(try Settings(file: file) == withoutOne)
    let text = try String(contentsOfFile: file, encoding: .utf8)
    for key in Settings.keys + Limits.keys + LaneConfiguration.keys + EndpointConfiguration.keys {
      #expect(text.contains("\(key):"), "\(key) is not in the file")
    }
  }

  @Test("a lane's own limits win over those of all lanes")
  func limits() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "xentd-\(UUID()).yaml").path
    defer { try? FileManager.default.removeItem(atPath: file) }
    let text = """
      limits: {rows: 10, classes: 20}
      lanes:
        - {name: a, kind: router, endpoints: "ipc:///a", limits: {rows: 5}}
        - {name: b, kind: router, endpoints: "ipc:///b"}
      workers: 3
      """
    try text.write(toFile: file, atomically: true, encoding: .utf8)
    let settings = try Settings(file: file)
    #expect(settings.service.lanes.map(\.limits.maximumRowCount) == [5, 10])
    #expect(settings.service.lanes.map(\.limits.maximumClassCount) == [20, 20])
    #expect(settings.service.workerCount == 3)
  }

  @Test("an endpoint is an address, a mapping, or a list of both")
  func endpoints() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "xentd-\(UUID()).yaml").path
    defer { try? FileManager.default.removeItem(atPath: file) }
    let text = """
      limits: {peers: 5, queued_requests: 7}
      lanes:
        - name: a
          kind: pipeline
          requests: ["ipc:///a", {connect: "tcp://127.0.0.1:5555"}]
          results: {bind: "ipc:///b"}
          limits: {peers: 6, clients_waiting_bytes: 1000}
        - {name: b, kind: router, endpoints: ["tcp://127.0.0.1:5556"]}
      """
    try text.write(toFile: file, atomically: true, encoding: .utf8)
    let lanes = try Settings(file: file).service.lanes
    #expect(
      lanes.map(\.sockets) == [
        .pipeline(
          requests: [EndpointConfiguration("ipc:///a"), EndpointConfiguration("tcp://127.0.0.1:5555", role: .connect)],
          results: [EndpointConfiguration("ipc:///b")]),
        .router([EndpointConfiguration("tcp://127.0.0.1:5556")]),
      ])
    #expect(lanes.map(\.maximumPeerCount) == [6, 5] && lanes.map(\.queuedRequestCount) == [7, 7])
    #expect(lanes[0].maximumClientsWaitingByteCount == 1000)
  }

  @Test("the least memory of the process's control groups is found, of either version, and `max` is no limit")
  func availableMemory() throws {
    let root = FileManager.default.temporaryDirectory.appending(path: "xentd-\(UUID())")
    defer { try? FileManager.default.removeItem(at: root) }
    func write(_ text: String, _ path: String) throws {
      let file = root.appending(path: path)
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try text.write(to: file, atomically: true, encoding: .utf8)
    }
    func found() -> Int {
      availableMemoryByteCount(root: root.path, membership: root.appending(path: "membership").path)
    }
    let all = found()
    #expect(all > 64 << 20, "what the machine has, where there are no groups")
    try write("3:cpu,cpuacct:/a\n0::/a/b\n", "membership")
    try write("max\n", "a/b/memory.max")
    #expect(found() == all)
    try write("20000000\n", "a/memory.max")
    #expect(found() == 20_000_000, "that of the group around it")
    try write("10000000\n", "a/b/memory.max")
    #expect(found() == 10_000_000)
    try write("4:cpu,memory:/not/seen/in/here\n0::/\n", "membership")
    try write("9223372036854771712\n", "memory/memory.limit_in_bytes")
    #expect(found() == all)
    try write("5000000\n", "memory/memory.limit_in_bytes")
    #expect(found() == 5_000_000)
  }
}
