/// Why a file of data cannot be used, in words for its user.
package struct DataFileError: Error, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}
