/// An array of plain values that keeps its memory when it is emptied, and that many threads may write to at different
/// places.
struct ReusableBuffer<Element: BitwiseCopyable>: ~Copyable {
  private var base: UnsafeMutablePointer<Element>
  private var capacity: Int
  private(set) var count = 0

  init(capacity: Int = 64) {
    base = .allocate(capacity: capacity)
    self.capacity = capacity
  }

  deinit { base.deallocate() }

  mutating func removeAll() { count = 0 }

  mutating func append(_ element: Element, count added: Int) {
    if count + added > capacity { grow(to: max(count + added, 2 * capacity)) }
    (base + count).initialize(repeating: element, count: added)
    count += added
  }

  subscript(index: Int) -> Element {
    get { base[index] }
    nonmutating set { base[index] = newValue }
  }

  func pointer(to index: Int) -> UnsafeMutablePointer<Element> { base + index }

  private mutating func grow(to newCapacity: Int) {
    let larger = UnsafeMutablePointer<Element>.allocate(capacity: newCapacity)
    larger.moveInitialize(from: base, count: count)
    base.deallocate()
    base = larger
    capacity = newCapacity
  }
}
