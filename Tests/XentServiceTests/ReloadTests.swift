import Testing
import ZeroMQ

@testable import XentService

@Suite("A plan to change the lanes")
struct ReloadPlanTests {
  private func lane(_ name: String, security: SocketSecurity = .none) -> LaneConfiguration {
    var endpoint = EndpointConfiguration("ipc:///\(name)")
    endpoint.security = security
    return LaneConfiguration(name: name, sockets: .router([endpoint]))
  }

  private func configuration(_ lanes: [LaneConfiguration], clients: [CurvePublicKey: String] = [:])
    -> ServiceConfiguration
  {
    var configuration = ServiceConfiguration(lanes: lanes)
    configuration.clients = clients
    return configuration
  }

  private func names(_ plan: ReloadPlan) -> [[String]] {
    [plan.staying.map(\.name), plan.leaving, plan.arriving.map(\.name)]
  }

  @Test("lanes that both have stay, those that only one has come or go")
  func comingAndGoing() {
    let plan = ReloadPlan(from: [lane("a"), lane("b")], clients: [:], to: configuration([lane("c"), lane("b")]))
    #expect(names(plan) == [["b"], ["a"], ["c"]])
  }

  @Test("limits that xentd itself keeps change in place, and the new ones are the plan's")
  func inPlace() {
    var changed = lane("a")
    changed.limits.maximumRowCount = 5
    changed.limits.maximumClassCount = 6
    changed.limits.maximumResultByteCount = 7000
    changed.maximumWaitingByteCount = 8000
    changed.maximumPeerCount = 9
    let plan = ReloadPlan(from: [lane("a")], clients: [:], to: configuration([changed]))
    #expect(plan.staying == [changed] && plan.leaving.isEmpty && plan.arriving.isEmpty)
  }

  @Test("what libzmq takes only when a socket is bound makes a new lane of the same name")
  func newSockets() {
    var changes = Array(repeating: lane("a"), count: 5)
    changes[0].sockets = .router([EndpointConfiguration("ipc:///other")])
    changes[1].sockets = .router([EndpointConfiguration("ipc:///a", role: .connect)])
    changes[2].limits.maximumRequestByteCount *= 2
    changes[3].queuedRequestCount = 7
    changes[4].sockets = .pipeline(requests: [EndpointConfiguration("ipc:///a")], results: [])
    for changed in changes {
      let plan = ReloadPlan(from: [lane("a")], clients: [:], to: configuration([changed]))
      #expect(names(plan) == [[], ["a"], ["a"]])
    }
  }

  @Test("a client that is let in no more costs the lanes with keys their sockets, and those alone")
  func lockedOut() throws {
    let keys = try (0..<3).map { _ in try CurveKeyPair.random() }
    let lanes = [lane("plain"), lane("keys", security: .server(secretKey: keys[0].secretKey))]
    let (one, both) = ([keys[1].publicKey: "1"], [keys[1].publicKey: "1", keys[2].publicKey: "2"])
    let added = ReloadPlan(from: lanes, clients: one, to: configuration(lanes, clients: both))
    #expect(names(added) == [["plain", "keys"], [], []])
    let renamed = ReloadPlan(from: lanes, clients: one, to: configuration(lanes, clients: [keys[1].publicKey: "x"]))
    #expect(names(renamed) == [["plain", "keys"], [], []])
    let removed = ReloadPlan(from: lanes, clients: both, to: configuration(lanes, clients: one))
    #expect(names(removed) == [["plain"], ["keys"], ["keys"]])
  }
}

@Suite("The lanes that the metrics tell of")
struct LaneListTests {
  private func lane(_ name: String, requests: Int = 0) -> LaneMetrics {
    let lane = LaneMetrics(LaneConfiguration(name: name, sockets: .router([EndpointConfiguration("ipc:///\(name)")])))
    lane.requests.add(requests)
    return lane
  }

  private let metrics = ServiceMetrics(workerCount: 1, memoryBoundByteCount: 1, selfTestSeconds: 0)

  @Test("a lane stands in the place of the one of its name that departs, and both count")
  func successor() {
    let (a, b, newA) = (lane("a", requests: 1), lane("b", requests: 10), lane("a", requests: 100))
    for lane in [a, b, newA] { metrics.add(lane) }
    #expect(metrics.lanes.map(ObjectIdentifier.init) == [newA, b].map(ObjectIdentifier.init))
    #expect(metrics.counts.requests == 111)
    metrics.remove(a)
    #expect(metrics.lanes.map(ObjectIdentifier.init) == [newA, b].map(ObjectIdentifier.init))
    #expect(metrics.counts.requests == 111)
  }

  @Test("a lane whose successor could not stay is told of again")
  func successorThatGoes() {
    let (a, newA) = (lane("a", requests: 1), lane("a"))
    for lane in [a, newA] { metrics.add(lane) }
    metrics.remove(newA)
    #expect(metrics.lanes.map(ObjectIdentifier.init) == [ObjectIdentifier(a)])
    metrics.remove(a)
    #expect(metrics.lanes.isEmpty && metrics.counts.requests == 1)
  }
}
