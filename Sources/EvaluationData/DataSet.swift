import XentClient
import XentProtocol

/// Logits and labels of the same rows, as two files hold them. The classes are the last dimension of the logits, and their rows all
/// others.
package struct DataSet {
  package let logits: NumpyArray
  package let labels: NumpyArray
  /// The dimensions of the logits but that of the classes.
  package let rowShape: [Int]
  package let rowCount: Int
  package let classCount: Int
  package let logitsType: LogitsType
  package let labelKind: LabelKind
  package let labelType: LabelType
  private let sampleWeights: NumpyArray?
  private let classWeights: NumpyArray?

  /// - Parameters:
  ///   - areProbabilities: whether labels of the logits' shape are probabilities rather than one-hot.
  ///   - sampleWeights: one f4 for each row.
  ///   - classWeights: one f4 for each class.
  package init(
    logits: NumpyArray, labels: NumpyArray, areProbabilities: Bool = false, sampleWeights: NumpyArray? = nil,
    classWeights: NumpyArray? = nil
  ) throws {
    self.logits = logits
    self.labels = labels
    guard logits.shape.count >= 2 else {
      throw DataFileError(
        "\(logits.path): expected logits of two dimensions (rows, classes) or more, received \(shapeText(logits.shape)); "
          + "save a single row as a.reshape(1, -1)")
    }
    rowShape = Array(logits.shape.dropLast())
    rowCount = rowShape.reduce(1, *)
    classCount = logits.shape.last!
    guard classCount > 0 else {
      throw DataFileError(
        "\(logits.path): expected at least one class, received the shape \(shapeText(logits.shape))")
    }
    guard let type = Self.logitsTypes[logits.type] else {
      let hint = ["u2", "i2"].contains(logits.type) ? "; bits of bfloat16 are saved as a.view('V2')" : ""
      throw DataFileError(
        "\(logits.path): expected logits of type f2, f4, f8 or V2 (bfloat16), received \(logits.type)\(hint)")
    }
    logitsType = type
    let form = try Self.labelForm(labels, of: logits)
    labelType = form.type
    labelKind = try Self.kind(form, labels, areProbabilities: areProbabilities)
    self.sampleWeights = sampleWeights
    self.classWeights = classWeights
    if let sampleWeights { try Self.check(sampleWeights, shape: rowShape, of: "row") }
    if let classWeights { try Self.check(classWeights, shape: [classCount], of: "class") }
  }

  private static func kind(
    _ form: (kind: LabelKind, type: LabelType), _ labels: NumpyArray, areProbabilities: Bool
  ) throws -> LabelKind {
    guard areProbabilities else { return form.kind }
    guard form.kind == .oneHot, LabelKind.probabilities.takes(form.type) else {
      throw DataFileError(
        "\(labels.path): expected probabilities in the shape of the logits and of type f2, f4, f8 or V2 (bfloat16), "
          + "received \(shapeText(labels.shape)) \(labels.type)")
    }
    return .probabilities
  }

  private static func check(_ weights: NumpyArray, shape: [Int], of what: String) throws {
    guard weights.shape == shape, weights.type == "f4" else {
      throw DataFileError(
        "\(weights.path): expected one weight a \(what), of shape \(shapeText(shape)) and type f4, received "
          + "\(shapeText(weights.shape)) \(weights.type); save weights.astype('float32') instead")
    }
  }

  private static let logitsTypes: [String: LogitsType] = ["f4": .f32, "f2": .f16, "f8": .f64, "V2": .bf16]
  private static let integerTypes: [String: LabelType] = ["u1": .u8, "u2": .u16, "u4": .u32, "i4": .i32, "i8": .i64]
  private static let oneHotTypes: [String: LabelType] = [
    "b1": .u8, "u1": .u8, "f2": .f16, "f4": .f32, "f8": .f64, "V2": .bf16,
  ]

  /// Integer labels have the shape of the rows, or a last dimension of 1 more; one-hot labels have the shape of the logits.
  private static func labelForm(
    _ labels: NumpyArray, of logits: NumpyArray
  ) throws -> (kind: LabelKind, type: LabelType) {
    let rowShape = Array(logits.shape.dropLast())
    let isColumn = labels.shape == rowShape + [1] && !"fV".contains(labels.type.prefix(1))
    if labels.shape == rowShape || (isColumn && labels.shape != logits.shape) {
      guard !isPyTorchs(logits.shape, labels.shape) else {
        throw DataFileError(
          "\(logits.path): the classes of \(shapeText(logits.shape)), with labels of \(shapeText(labels.shape)), may be the last "
            + "dimension or, as PyTorch has them, the second; save logits of shape (rows, classes) and labels.reshape(-1)"
        )
      }
      guard let type = integerTypes[labels.type] else {
        throw DataFileError(
          "\(labels.path): expected integer labels of type u1, u2, u4, i4 or i8, received \(labels.type); "
            + "save labels.astype('int64') instead")
      }
      return (.integer, type)
    }
    guard labels.shape == logits.shape else {
      throw DataFileError(
        "\(labels.path): expected labels of shape \(shapeText(rowShape)) or one-hot \(shapeText(logits.shape)), "
          + "received \(shapeText(labels.shape))\(hint(on: labels.shape, logits.shape))")
    }
    guard let type = oneHotTypes[labels.type] else {
      throw DataFileError(
        "\(labels.path): expected one-hot labels of type b1, u1, f2, f4, f8 or V2 (bfloat16), received \(labels.type); "
          + "save labels.astype('uint8') instead")
    }
    return (.oneHot, type)
  }

  /// What the shapes of labels and logits that do not fit may come from.
  private static func hint(on labels: [Int], _ logits: [Int]) -> String {
    if labels.dropLast() == logits.dropLast() { return "; a class that no label names still needs its column" }
    let hint = "; classes are the last dimension: save numpy.moveaxis(logits, 1, -1)"
    return isPyTorchs(logits, labels) ? hint : ""
  }

  /// Whether the labels are indices of classes that are the second dimension of the logits, as PyTorch has them.
  private static func isPyTorchs(_ logits: [Int], _ labels: [Int]) -> Bool {
    logits.count > 2 && labels == [logits[0]] + logits.dropFirst(2)
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
    var sections = [
      logits.rows(rows, width: classCount), labels.rows(rows, width: labelKind == .integer ? 1 : classCount),
    ]
    if let sampleWeights {
      header.flags.insert(.sampleWeights)
      sections.append(sampleWeights.rows(rows, width: 1))
    }
    if let classWeights {
      header.flags.insert(.classWeights)
      sections.append(classWeights.bytes)
    }
    return OutgoingBatch(header: header, sections: sections)
  }
}
