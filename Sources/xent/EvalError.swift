/// What keeps an evaluation from being made, in words for its user.
struct EvalError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
