import MonitoringHTTP

extension Section {
  /// Addresses for HTTP to listen on, none for `off`; nil where the file does not say.
  func httpAddresses(_ key: String) throws(ConfigurationError) -> [ListenAddress]? {
    guard let texts = try texts(key) else { return nil }
    if texts.map(\.text) == ["off"] { return [] }
    var addresses: [ListenAddress] = []
    for (text, place) in texts {
      guard let address = ListenAddress(text) else {
        throw place.error("\(text): \(ListenAddress.expectation); or off alone")
      }
      guard !addresses.contains(address) else { throw place.error("\(text): stands there twice") }
      addresses.append(address)
    }
    return addresses
  }
}
