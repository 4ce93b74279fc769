import Glibc

/// A file in memory, read only. It stays mapped until the process ends: messages point into it.
package struct MappedFile {
  package let bytes: UnsafeRawBufferPointer

  package init(_ path: String) throws {
    func failure(_ doing: String) -> DataFileError {
      DataFileError("\(path): cannot be \(doing): \(String(cString: strerror(errno)))")
    }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw failure("opened") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure("read") }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw DataFileError("\(path): expected a file, which can be mapped")
    }
    guard status.st_size > 0 else { throw DataFileError("\(path): is empty") }
    let start = mmap(nil, Int(status.st_size), PROT_READ, MAP_PRIVATE, descriptor, 0)
    guard let start, start != MAP_FAILED else { throw failure("mapped") }
    bytes = UnsafeRawBufferPointer(start: start, count: Int(status.st_size))
  }
}
