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
    let withoutOne = Settings(service: ServiceConfiguration(lanes: defaultLanes(.system)))
    #expect(try Settings(file: file) == withoutOne)
    let text = try String(contentsOfFile: file, encoding: .utf8)
    for key in Settings.keys + Limits.keys { #expect(text.contains("\(key):"), "\(key) is not in the file") }
  }

  @Test("a lane's own limits win over those of all lanes")
  func limits() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "xentd-\(UUID()).yaml").path
    defer { try? FileManager.default.removeItem(atPath: file) }
    let text = """
      limits: {rows: 10, classes: 20}
      lanes:
        - {name: a, kind: router, endpoint: "ipc:///a", limits: {rows: 5}}
        - {name: b, kind: router, endpoint: "ipc:///b"}
      workers: 3
      """
    try text.write(toFile: file, atomically: true, encoding: .utf8)
    let settings = try Settings(file: file)
    #expect(settings.service.lanes.map(\.limits.maximumRowCount) == [5, 10])
    #expect(settings.service.lanes.map(\.limits.maximumClassCount) == [20, 20])
    #expect(settings.service.workerCount == 3)
  }
}
