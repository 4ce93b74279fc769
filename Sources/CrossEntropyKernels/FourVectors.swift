/// Four vectors that are worked on side by side: each exponential is a long chain of instructions, and a processor that sees them
/// one after the other looks ahead over two or three. Of equal chains the compiler leaves one.
typealias Four<Vector> = (Vector, Vector, Vector, Vector)

@inline(__always)
func fourCopies<Vector>(of vector: Vector) -> Four<Vector> { (vector, vector, vector, vector) }

@inline(__always)
func each<Vector>(_ a: Four<Vector>, _ operation: (Vector) -> Vector) -> Four<Vector> {
  (operation(a.0), operation(a.1), operation(a.2), operation(a.3))
}

@inline(__always)
func each<Vector>(_ a: Four<Vector>, _ b: Four<Vector>, _ operation: (Vector, Vector) -> Vector) -> Four<Vector> {
  (operation(a.0, b.0), operation(a.1, b.1), operation(a.2, b.2), operation(a.3, b.3))
}
