/// An array that keeps its memory when it is emptied, and that many threads may write to at different places. Its elements are
/// plain values, or atomic ones: they have nothing to let go.
struct ReusableBuffer<Element: ~Copyable>: ~Copyable {
  private var base: UnsafeMutablePointer<Element>
  private var capacity: Int
  private(set) var count = 0

  init(capacity: Int = 64) {
    base = .allocate(capacity: capacity)
    self.capacity = capacity
  }

  deinit { base.deallocate() }

  mutating func removeAll() { count = 0 }

  func pointer(to index: Int) -> UnsafeMutablePointer<Element> { base + index }

  /// Makes room for so many more elements.
  /// - Returns: where they are to be initialized.
  mutating func extend(by added: Int) -> UnsafeMutablePointer<Element> {
    if count + added > capacity { grow(to: max(count + added, 2 * capacity)) }
    defer { count += added }
    return base + count
  }

  private mutating func grow(to newCapacity: Int) {
    let larger = UnsafeMutablePointer<Element>.allocate(capacity: newCapacity)
    larger.moveInitialize(from: base, count: count)
    base.deallocate()
    base = larger
    capacity = newCapacity
  }
}

extension ReusableBuffer where Element: BitwiseCopyable {
  mutating func append(_ element: Element, count added: Int) {
    extend(by: added).initialize(repeating: element, count: added)
  }

  subscript(index: Int) -> Element {
    get { pointer(to: index).pointee }
    nonmutating set { pointer(to: index).pointee = newValue }
  }
}
