// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Who a drive says it is.
package struct DriveIdentity: Sendable, Hashable {
    /// T10 vendor identification, up to 8 characters.
    package var vendor: String
    /// Up to 16 characters.
    package var product: String
    /// Up to 4 characters.
    package var revision: String
    package var serial: String
    /// Of this drive in its library.
    package var elementAddress: UInt16
    package var librarySerial: String
    /// NAA identifier of the logical unit.
    package var worldWideName: UInt64

    package init(
        vendor: String = "IBM",
        product: String = "ULT3580-TD8",
        revision: String = "R3G3",
        serial: String,
        elementAddress: UInt16,
        librarySerial: String,
        worldWideName: UInt64
    ) {
        self.vendor = vendor
        self.product = product
        self.revision = revision
        self.serial = serial
        self.elementAddress = elementAddress
        self.librarySerial = librarySerial
        self.worldWideName = worldWideName
    }

    /// Medium type of the mode header and of REPORT DENSITY SUPPORT: the format's own, but HP drives only tell data
    /// from WORM.
    func mediumType(of format: MediumFormat, isWORM: Bool) -> UInt8 {
        if vendor == "HP" || vendor == "HPE" {
            return isWORM ? 0x01 : 0x00
        }
        return isWORM ? format.wormMediumType ?? format.mediumType : format.mediumType
    }
}
