// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import ManagementAPI

/// What the management API can ask of a daemon. Routes know nothing of libraries, and a test can answer instead.
///
/// Every method may take long and none blocks its caller's thread.
package protocol ManagementBackend: Sendable {
    func status() async throws(APIError) -> StatusReport
    func inventory() async throws(APIError) -> InventoryReport

    func move(_ request: MoveRequest) async throws(APIError) -> MoveReport
    func load(_ request: LoadRequest) async throws(APIError) -> MoveReport
    func unload(_ request: UnloadRequest) async throws(APIError) -> MoveReport
    func importCartridge(_ request: ImportRequest) async throws(APIError) -> MoveReport
    func exportCartridge(_ request: ExportRequest) async throws(APIError) -> MoveReport

    func cartridges() async throws(APIError) -> CartridgeList
    func createCartridges(_ request: CreateCartridgesRequest) async throws(APIError) -> CartridgeList
    /// Tape files from number `first` on, at most `limit` of each partition.
    func cartridge(_ barcode: String, from first: UInt64, files limit: Int) async throws(APIError) -> CartridgeReport
    func changeCartridge(_ barcode: String, _ request: ChangeCartridgeRequest) async throws(APIError)
        -> CartridgeReport
    func deleteCartridge(_ barcode: String) async throws(APIError)
    /// Lines of progress, the last of them with the result. The stream fails with an `APIError`; dropping it ends
    /// the work.
    func verify(_ barcode: String) async throws(APIError) -> AsyncThrowingStream<VerifyLine, any Error>
    func imageSource(_ barcode: String) async throws(APIError) -> any ImageSource
    func imageSink(_ barcode: String) async throws(APIError) -> any ImageSink

    func sessions() async throws(APIError) -> SessionList
    func ndmpSettings() async throws(APIError) -> NDMPSettingsReport
    func changeNDMPSettings(_ request: ChangeNDMPSettingsRequest) async throws(APIError) -> NDMPSettingsReport

    /// Events from now on. The stream ends when the daemon shuts down.
    func events() async throws(APIError) -> AsyncStream<EventLine>
}

/// A cartridge being read out as a tape stream, of which the command makes an image. Exclusive until `close`.
package protocol ImageSource: Sendable {
    /// The next piece, at most about `ManagementAPI.imageChunkBytes` plus one record; nil at the end.
    func next() async throws(APIError) -> [UInt8]?
    func close() async
}

/// A cartridge being filled from a tape stream, which the command made of an image.
package protocol ImageSink: Sendable {
    /// Takes the next piece of the stream, of any length.
    func write(_ piece: [UInt8]) async throws(APIError)
    /// Makes everything durable and gives the cartridge back.
    func finish() async throws(APIError) -> ImageReport
    /// Gives the cartridge back after a failure, as it was before.
    func abandon() async
}
