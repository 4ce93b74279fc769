/// What a lane takes.
package struct RequestLimits: Equatable, Sendable {
  /// The largest request, header included, in bytes.
  package var maximumRequestByteCount = 64 << 20
  /// The largest result, header included, in bytes.
  package var maximumResultByteCount = 64 << 20
  package var maximumRowCount = 1 << 24
  package var maximumClassCount = 1 << 24

  package init() {}
}
