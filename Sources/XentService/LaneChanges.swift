/// The lanes that come and go while a service changes to another configuration.
struct LaneChanges {
  /// Lanes that are open still.
  private(set) var departures: [Departure] = []
  /// Lanes that wait until a departing one has given up an endpoint, or all of them their memory.
  private var arrivals: [LaneConfiguration] = []
  /// Whether what departs and what arrives would be too much together.
  private var areArrivalsLast = false

  /// Whether a reload is not over yet: it is once each lane is open, or was tried in vain.
  var isReloading = false
  /// Whether the last reload was over before each lane was open.
  var isIncomplete = false
  /// The settings that are in force only after the next start.
  var waitingForRestart: [String] = []
  /// When an arrival that failed is tried again.
  var retryAt: UInt64 = 0
  /// Until when libzmq's own thread may still be about to give up the port of a lane that was closed.
  private(set) var graceUntil: UInt64 = 0

  private static let graceNanoseconds: UInt64 = 2_000_000_000

  var isEmpty: Bool { departures.isEmpty && arrivals.isEmpty }
  var haveAllArrived: Bool { arrivals.isEmpty }

  func isDeparting(_ lane: any Lane) -> Bool { departures.contains { $0.lane === lane } }

  /// Where lanes that depart listen.
  var heldPlaces: Set<String> {
    departures.reduce(into: []) { $0.formUnion($1.lane.configuration.boundPlaces) }
  }

  /// Has lanes depart, and others arrive when those are out of their way. Arrivals of an earlier change are forgotten.
  mutating func begin(_ departing: [Departure], arriving: [LaneConfiguration], areArrivalsLast: Bool) {
    departures += departing
    arrivals = arriving
    self.areArrivalsLast = areArrivalsLast
    retryAt = 0
  }

  /// To be called each turn.
  /// - Returns: the departures that are over.
  mutating func didServe(at now: UInt64) -> [Departure] {
    for index in departures.indices { departures[index].didServe(at: now) }
    let over = departures.filter { $0.isOver(at: now) }
    guard !over.isEmpty else { return [] }
    departures.removeAll { $0.isOver(at: now) }
    graceUntil = now + Self.graceNanoseconds
    return over
  }

  /// Takes out the arrivals that can be opened now.
  mutating func takeReady(at now: UInt64) -> [LaneConfiguration] {
    guard now >= retryAt, departures.isEmpty || !areArrivalsLast else { return [] }
    let held = heldPlaces
    let ready = arrivals.filter { held.isDisjoint(with: $0.boundPlaces) }
    arrivals.removeAll { held.isDisjoint(with: $0.boundPlaces) }
    return ready
  }

  /// Keeps an arrival that could not be opened.
  mutating func putBack(_ lane: LaneConfiguration) { arrivals.append(lane) }
}
