import Logging
import ZeroMQ

// How a service changes to another configuration without a batch lost.

extension ServiceLoop {
  /// Reads the configuration and changes to it. One that cannot be had changes nothing.
  func reload() {
    changes.isReloading = true
    metrics.reload.willReload()
    do {
      try change(to: source.read())
    } catch {
      return refuseReload("\(error)")
    }
    changes.waitingForRestart = source.didApply()
    if changes.haveAllArrived { endReload(problem: nil) }
  }

  func refuseReload(_ reason: String) {
    changes.isReloading = false
    changes.isIncomplete = false  // What is wrong now is something else.
    logger.error("configuration refused, nothing is changed", metadata: ["reason": "\(reason)"])
    metrics.reload.didReload(error: reason)
  }

  /// - Throws: before anything has changed.
  private func change(to new: ServiceConfiguration) throws {
    let serving = lanes.filter { !changes.isDeparting($0) }
    let plan = ReloadPlan(from: serving.map(\.configuration), clients: gatekeeper.clients, to: new)
    try checkMemory(of: new)
    let departing = serving.filter { plan.leaving.contains($0.configuration.name) }
    let areArrivalsLast = !fits(new.lanes + (departing + changes.departures.map(\.lane)).map(\.configuration))
    let held = departing.reduce(into: changes.heldPlaces) { $0.formUnion($1.configuration.boundPlaces) }
    try claimOnce(Set(plan.arriving.flatMap(\.boundPlaces)).subtracting(held))
    let now = areArrivalsLast ? [] : plan.arriving.filter { held.isDisjoint(with: $0.boundPlaces) }
    try openAll(now)

    gatekeeper.clients = new.clients
    drainSeconds = new.drainSeconds
    for lane in plan.staying { serving.first { $0.configuration.name == lane.name }?.configuration = lane }
    metrics.inflightLimitBytes.set(MemoryBudget(new, workerCount: metrics.workerCount).inflightByteCount)
    let time = Clock.monotonicNanoseconds
    let deadline = time + UInt64(drainSeconds * 1e9)
    changes.begin(
      departing.map {
        Departure(of: $0, because: "the lane is closing: the configuration has changed", at: time, deadline: deadline)
      },
      arriving: plan.arriving.filter { !now.contains($0) }, areArrivalsLast: areArrivalsLast)
  }

  /// The limit is that of the start, whatever the new configuration says.
  private func checkMemory(of new: ServiceConfiguration) throws {
    let budget = MemoryBudget(new, workerCount: metrics.workerCount)
    guard let problem = budget.problem(limit: metrics.memoryBoundByteCount) else { return }
    throw ReloadError("\(problem). This is the limit since the start: another memory_limit waits for a restart")
  }

  private func fits(_ lanes: [LaneConfiguration]) -> Bool {
    MemoryBudget(ServiceConfiguration(lanes: lanes), workerCount: metrics.workerCount)
      .problem(limit: metrics.memoryBoundByteCount) == nil
  }

  /// Finds out in time that another process has a path of a lane that cannot be opened yet.
  private func claimOnce(_ places: Set<String>) throws(EndpointError) {
    for place in places { _ = try EndpointClaim(place) }
  }

  private func openAll(_ arriving: [LaneConfiguration]) throws {
    let openCount = lanes.count
    do {
      for lane in arriving { try open(lane) }
    } catch {
      for lane in lanes[openCount...] { close(lane) }
      throw error
    }
  }

  /// After a round: closes the lanes that have departed, and opens those that waited for them.
  func advanceChanges() throws(ZeroMQError) {
    guard !changes.isEmpty else { return }
    let now = Clock.monotonicNanoseconds
    for departure in changes.didServe(at: now) {
      try departure.lane.setLinger(milliseconds: departure.millisecondsLeft(at: now))
      logger.info(
        "lane closed",
        metadata: [
          "lane": "\(departure.lane.configuration.name)", "undelivered_bytes": "\(departure.lane.undeliveredByteCount)",
        ])
      close(departure.lane)
    }
    for lane in changes.takeReady(at: now) { openArrival(lane, at: now) }
    guard changes.haveAllArrived else { return }
    if changes.isReloading { return endReload(problem: nil) }
    guard changes.isIncomplete else { return }
    changes.isIncomplete = false
    logger.notice("configuration in force whole")
    metrics.reload.didMend()
  }

  private func openArrival(_ lane: LaneConfiguration, at now: UInt64) {
    do {
      try open(lane)
    } catch {
      changes.putBack(lane)
      let isGrace = now < changes.graceUntil
      changes.retryAt = now + (isGrace ? Self.soonNanoseconds : Self.laterNanoseconds)
      guard changes.isReloading, !isGrace else { return }
      endReload(problem: "lane \(lane.name) is closed: \(error); it is tried again every second")
    }
  }

  /// - Parameter problem: why not all of it is in force.
  func endReload(problem: String?) {
    changes.isReloading = false
    changes.isIncomplete = problem != nil
    metrics.reload.didReload(error: problem, waitingForRestart: changes.waitingForRestart)
    if let problem { return logger.error("configuration not in force whole", metadata: ["reason": "\(problem)"]) }
    let names = lanes.filter { !changes.isDeparting($0) }.map(\.configuration.name)
    logger.notice("configuration read again", metadata: ["lanes": "\(names.joined(separator: " "))"])
  }

  private static var soonNanoseconds: UInt64 { 10_000_000 }
  private static var laterNanoseconds: UInt64 { 1_000_000_000 }
}

/// Why a configuration that is right in itself cannot be changed to.
private struct ReloadError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
