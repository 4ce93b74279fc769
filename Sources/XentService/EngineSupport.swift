import XentProtocol

/// Refuses the kinds of labels that the protocol knows and this version does not compute yet.
func checkSupport(ofLabels header: RequestHeader) throws(Refusal) {
  guard header.labelKind == .probabilities else { return }
  throw Refusal(
    status: .unsupported,
    message: "label kind: this version takes integer and one-hot labels, received probabilities", answering: header)
}

/// Refuses the options that the protocol knows and this version does not compute yet.
func checkSupport(ofOptions header: RequestHeader) throws(Refusal) {
  func refuse(_ message: String) -> Refusal {
    Refusal(status: .unsupported, message: message, answering: header)
  }
  if header.topK != 0 { throw refuse("top k: this version counts no top k, received \(header.topK); send 0") }
  if header.labelSmoothing != 0 {
    throw refuse("label smoothing: this version does not smooth, received \(header.labelSmoothing); send 0")
  }
  if header.temperature != 0, header.temperature != 1 {
    throw refuse("temperature: this version takes 1, received \(header.temperature); divide the logits by it")
  }
  if header.softcap != 0 {
    throw refuse("softcap: this version has none, received \(header.softcap); apply it to the logits")
  }
}
