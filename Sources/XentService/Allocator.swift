import CMalloc

/// What is asked of glibc's allocator.
///
/// By itself it has a large block from the system and gives it back once it is freed: the 16,384 pages of a request of 64 MiB are
/// then new each time, and the system needs longer for them than the daemon for the batch.
package enum Allocator {
  /// Has it keep what is freed, for what comes next, until it is told to `giveBack`.
  package static func keepWhatIsFreed() {
    // No block is the system's own, a heap keeps what is free at its end, and a thread's heap stays when it is empty.
    mallopt(M_MMAP_THRESHOLD, .max)
    mallopt(M_TRIM_THRESHOLD, .max)
    mallopt(M_TOP_PAD, heapByteCount)
  }

  /// Of a heap that is not the first thread's.
  private static var heapByteCount: Int32 { 64 << 20 }

  /// Gives back what is kept, but for the end of each thread's last heap, which cannot be told to.
  static func giveBack() { malloc_trim(0) }
}
