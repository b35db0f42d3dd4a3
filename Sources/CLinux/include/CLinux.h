// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors
//
// Linux calls that Swift's Glibc overlay does not show, and the CRC32C kernel.
// Every function reports failure as the kernel does: -1 with errno set.
#ifndef CAPSTAN_CLINUX_H
#define CAPSTAN_CLINUX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// CRC32C (Castagnoli) of `length` bytes. `seed` is the result for the bytes before these, 0 at the start.
uint32_t capstan_crc32c(uint32_t seed, const void *bytes, size_t length);
/// The table-driven version of the same, for tests and for processors without the instruction.
uint32_t capstan_crc32c_software(uint32_t seed, const void *bytes, size_t length);
/// 1 when capstan_crc32c uses the processor's own instruction.
int capstan_crc32c_is_accelerated(void);

/// Reserves blocks without changing the file's length.
int capstan_fallocate_keep_size(int fd, off_t offset, off_t length);
/// Starts writing the dirty pages of a range; does not wait.
int capstan_start_writeback(int fd, off_t offset, off_t length);
/// Writes the dirty pages of a range and waits for them (data only: no metadata, no disk cache flush).
int capstan_wait_for_writeback(int fd, off_t offset, off_t length);

/// accept4 with SOCK_CLOEXEC, and SOCK_NONBLOCK when asked for. The peer's address is not returned: ask getpeername.
int capstan_accept(int fd, int nonblocking);

/// An event descriptor (close-on-exec, non-blocking), to wake a thread that polls.
int capstan_eventfd_create(void);
/// Makes the descriptor readable.
int capstan_eventfd_signal(int fd);
/// Makes the descriptor unreadable again; returns 1 when it had been signalled, 0 when not.
int capstan_eventfd_drain(int fd);

/// The kernel's id of the calling thread.
pid_t capstan_gettid(void);

#endif
