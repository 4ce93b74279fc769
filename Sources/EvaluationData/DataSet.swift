import XentClient
import XentProtocol

/// Logits and labels of the same rows, as two files hold them.
package struct DataSet {
  package let logits: NumpyArray
  package let labels: NumpyArray
  package let rowCount: Int
  package let classCount: Int
  package let logitsType: LogitsType
  package let labelKind: LabelKind
  package let labelType: LabelType
  private let sampleWeights: NumpyArray?
  private let classWeights: NumpyArray?

  /// - Parameters:
  ///   - areProbabilities: whether labels of shape (rows, classes) are probabilities rather than one-hot.
  ///   - sampleWeights: one f4 for each row.
  ///   - classWeights: one f4 for each class.
  package init(
    logits: NumpyArray, labels: NumpyArray, areProbabilities: Bool = false, sampleWeights: NumpyArray? = nil,
    classWeights: NumpyArray? = nil
  ) throws {
    self.logits = logits
    self.labels = labels
    guard logits.shape.count == 2 else {
      throw DataFileError("\(logits.path): expected logits of two dimensions (rows, classes), received \(logits.shape)")
    }
    let (rowCount, classCount) = (logits.shape[0], logits.shape[1])
    (self.rowCount, self.classCount) = (rowCount, classCount)
    guard classCount > 0 else {
      throw DataFileError("\(logits.path): expected at least one class, received the shape \(logits.shape)")
    }
    guard let type = Self.logitsTypes[logits.type] else {
      throw DataFileError("\(logits.path): expected logits of type f2, f4 or f8, received \(logits.type)")
    }
    logitsType = type
    let form = try Self.labelForm(labels, rowCount: rowCount, classCount: classCount)
    labelType = form.1
    labelKind = try Self.kind(form, labels, areProbabilities: areProbabilities)
    self.sampleWeights = sampleWeights
    self.classWeights = classWeights
    if let sampleWeights { try Self.check(sampleWeights, count: rowCount, of: "row") }
    if let classWeights { try Self.check(classWeights, count: classCount, of: "class") }
  }

  private static func kind(
    _ form: (kind: LabelKind, type: LabelType), _ labels: NumpyArray, areProbabilities: Bool
  ) throws -> LabelKind {
    guard areProbabilities else { return form.kind }
    guard form.kind == .oneHot, LabelKind.probabilities.takes(form.type) else {
      throw DataFileError(
        "\(labels.path): expected probabilities of shape (rows, classes) and type f2, f4 or f8, "
          + "received \(labels.shape) \(labels.type)")
    }
    return .probabilities
  }

  private static func check(_ weights: NumpyArray, count: Int, of what: String) throws {
    guard weights.shape == [count], weights.type == "f4" else {
      throw DataFileError(
        "\(weights.path): expected one weight a \(what), of shape (\(count),) and type f4, received \(weights.shape) "
          + "\(weights.type); save weights.astype('float32') instead")
    }
  }

  private static let logitsTypes: [String: LogitsType] = ["f4": .f32, "f2": .f16, "f8": .f64]
  private static let integerTypes: [String: LabelType] = ["u1": .u8, "u2": .u16, "u4": .u32, "i4": .i32, "i8": .i64]
  private static let oneHotTypes: [String: LabelType] = ["b1": .u8, "u1": .u8, "f2": .f16, "f4": .f32, "f8": .f64]

  /// Integer labels have one dimension, or a second of 1; one-hot labels have the shape of the logits.
  private static func labelForm(_ labels: NumpyArray, rowCount: Int, classCount: Int) throws -> (LabelKind, LabelType) {
    guard labels.shape.first == rowCount else {
      throw DataFileError(
        "\(labels.path): expected labels of \(rowCount) rows like the logits, received \(labels.shape)")
    }
    let isColumn = labels.shape.count == 2 && labels.shape[1] == 1 && labels.type.hasPrefix("f") == false
    if labels.shape.count == 1 || (isColumn && classCount != 1) {
      guard let type = integerTypes[labels.type] else {
        throw DataFileError(
          "\(labels.path): expected integer labels of type u1, u2, u4, i4 or i8, received \(labels.type); "
            + "save labels.astype('int64') instead")
      }
      return (.integer, type)
    }
    guard labels.shape == [rowCount, classCount] else {
      throw DataFileError(
        "\(labels.path): expected labels of shape (\(rowCount),) or one-hot (\(rowCount), \(classCount)), "
          + "received \(labels.shape); a class that no label names still needs its column")
    }
    guard let type = oneHotTypes[labels.type] else {
      throw DataFileError(
        "\(labels.path): expected one-hot labels of type b1, u1, f2, f4 or f8, received \(labels.type); "
          + "save labels.astype('uint8') instead")
    }
    return (.oneHot, type)
  }

  /// What a row adds to a request.
  package var rowByteCount: Int {
    let labelCount = labelKind == .integer ? 1 : classCount
    return classCount * logitsType.elementByteCount + labelCount * labelType.elementByteCount
      + (sampleWeights == nil ? 0 : 4)
  }

  /// What a request has besides its header and its rows.
  package var constantByteCount: Int { classWeights?.bytes.count ?? 0 }

  /// Whether the rows do not all weigh the same.
  package var isWeighted: Bool { sampleWeights != nil || classWeights != nil }

  /// Whether losses are returned as f64: with f64 logits.
  package var wantsFloat64: Bool { logitsType == .f64 }

  /// A request for some rows.
  /// - Parameter template: has the options of the loss and what is asked for.
  package func batch(rows: Range<Int>, template: RequestHeader) -> OutgoingBatch {
    var header = template
    header.rows = UInt32(rows.count)
    header.classes = UInt32(classCount)
    header.logitsType = logitsType
    header.labelKind = labelKind
    header.labelType = labelType
    var sections = [logits.rows(rows), labels.rows(rows)]
    if let sampleWeights {
      header.flags.insert(.sampleWeights)
      sections.append(sampleWeights.rows(rows))
    }
    if let classWeights {
      header.flags.insert(.classWeights)
      sections.append(classWeights.bytes)
    }
    return OutgoingBatch(header: header, sections: sections)
  }
}
