// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

// Fields of the sequential-access commands (SSC-4 clauses 5 to 7).

package enum Rewind {
    package static let immediate = CDBField("IMMED", byte: 1, bit: 0)
    package static let fields = [immediate]
}

package enum FormatMedium {
    package static let verify = CDBField("VERIFY", byte: 1, bit: 1, ignored: true)
    package static let immediate = CDBField("IMMED", byte: 1, bit: 0)
    package static let format = CDBField("FORMAT", byte: 2, bit: 3, width: 4)
    package static let transferLength = CDBField("TRANSFER LENGTH", bytes: 3...4)
    package static let fields = [verify, immediate, format, transferLength]
}

package enum ReadBlockLimits {
    package static let maximumObjectIdentifier = CDBField("MLOI", byte: 1, bit: 0)
    package static let fields = [maximumObjectIdentifier]
}

package enum Read6 {
    package static let suppressIncorrectLength = CDBField("SILI", byte: 1, bit: 1)
    package static let fixed = CDBField("FIXED", byte: 1, bit: 0)
    package static let transferLength = CDBField("TRANSFER LENGTH", bytes: 2...4)
    package static let fields = [suppressIncorrectLength, fixed, transferLength]
}

package enum Write6 {
    package static let fixed = CDBField("FIXED", byte: 1, bit: 0)
    package static let transferLength = CDBField("TRANSFER LENGTH", bytes: 2...4)
    package static let fields = [fixed, transferLength]
}

package enum SetCapacity {
    package static let immediate = CDBField("IMMED", byte: 1, bit: 0)
    package static let proportion = CDBField("CAPACITY PROPORTION VALUE", bytes: 3...4)
    package static let fields = [immediate, proportion]
}

package enum WriteFilemarks6 {
    package static let immediate = CDBField("IMMED", byte: 1, bit: 0)
    package static let count = CDBField("FILEMARK COUNT", bytes: 2...4)
    package static let fields = [immediate, count]
}

package enum WriteFilemarks16 {
    package static let immediate = CDBField("IMMED", byte: 1, bit: 0)
    package static let partition = CDBField("PARTITION", bytes: 3...3)
    package static let logicalObject = CDBField("LOGICAL OBJECT IDENTIFIER", bytes: 4...11)
    package static let count = CDBField("FILEMARK COUNT", bytes: 12...14)
    package static let fields = [immediate, partition, logicalObject, count]
}

package enum Space6 {
    package static let code = CDBField("CODE", byte: 1, bit: 3, width: 4)
    package static let count = CDBField("COUNT", bytes: 2...4, signed: true)
    package static let fields = [code, count]
}

package enum Space16 {
    package static let code = CDBField("CODE", byte: 1, bit: 3, width: 4)
    package static let count = CDBField("COUNT", bytes: 4...11, signed: true)
    package static let parameterLength = CDBField("PARAMETER LENGTH", bytes: 12...13)
    package static let fields = [code, count, parameterLength]
}

package enum Verify6 {
    package static let toEndOfData = CDBField("VTE", byte: 1, bit: 5)
    package static let byFilemarks = CDBField("VBF", byte: 1, bit: 3)
    package static let immediate = CDBField("IMMED", byte: 1, bit: 2)
    package static let byteCompare = CDBField("BYTCMP", byte: 1, bit: 1)
    package static let fixed = CDBField("FIXED", byte: 1, bit: 0)
    package static let length = CDBField("VERIFICATION LENGTH", bytes: 2...4)
    package static let fields = [toEndOfData, byFilemarks, immediate, byteCompare, fixed, length]
}

package enum Erase6 {
    package static let immediate = CDBField("IMMED", byte: 1, bit: 1)
    package static let long = CDBField("LONG", byte: 1, bit: 0)
    package static let fields = [immediate, long]
}

package enum LoadUnload {
    package static let immediate = CDBField("IMMED", byte: 1, bit: 0)
    package static let hold = CDBField("HOLD", byte: 4, bit: 3)
    package static let endOfTape = CDBField("EOT", byte: 4, bit: 2)
    package static let retension = CDBField("RETEN", byte: 4, bit: 1, ignored: true)
    package static let load = CDBField("LOAD", byte: 4, bit: 0)
    package static let fields = [immediate, hold, endOfTape, retension, load]
}

package enum Locate10 {
    package static let blockType = CDBField("BT", byte: 1, bit: 2, ignored: true)
    package static let changePartition = CDBField("CP", byte: 1, bit: 1)
    package static let immediate = CDBField("IMMED", byte: 1, bit: 0)
    package static let logicalObject = CDBField("LOGICAL OBJECT IDENTIFIER", bytes: 3...6)
    package static let partition = CDBField("PARTITION", bytes: 8...8)
    package static let fields = [blockType, changePartition, immediate, logicalObject, partition]
}

package enum Locate16 {
    package static let destinationType = CDBField("DEST_TYPE", byte: 1, bit: 5, width: 3)
    package static let changePartition = CDBField("CP", byte: 1, bit: 1)
    package static let immediate = CDBField("IMMED", byte: 1, bit: 0)
    package static let blockAddressMode = CDBField("BAM", byte: 2, bit: 0, ignored: true)
    package static let partition = CDBField("PARTITION", bytes: 3...3)
    package static let logicalIdentifier = CDBField("LOGICAL IDENTIFIER", bytes: 4...11)
    package static let fields = [
        destinationType, changePartition, immediate, blockAddressMode, partition, logicalIdentifier,
    ]
}

package enum ReadPosition {
    package static let serviceAction = CDBField("SERVICE ACTION", byte: 1, bit: 4, width: 5)
    package static let allocationLength = CDBField("ALLOCATION LENGTH", bytes: 7...8)
    package static let fields = [serviceAction, allocationLength]
}

package enum ReportDensitySupport {
    package static let mediumType = CDBField("MEDIUM TYPE", byte: 1, bit: 1)
    package static let media = CDBField("MEDIA", byte: 1, bit: 0)
    package static let allocationLength = CDBField("ALLOCATION LENGTH", bytes: 7...8)
    package static let fields = [mediumType, media, allocationLength]
}

package enum AllowOverwrite {
    package static let kind = CDBField("ALLOW OVERWRITE", byte: 2, bit: 3, width: 4)
    package static let partition = CDBField("PARTITION", bytes: 3...3)
    package static let logicalObject = CDBField("LOGICAL OBJECT IDENTIFIER", bytes: 4...11)
    package static let fields = [kind, partition, logicalObject]
}
