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
#include <sys/xattr.h>

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

/// openat2 with RESOLVE_BENEATH, RESOLVE_NO_MAGICLINKS and RESOLVE_NO_SYMLINKS: the path cannot leave the directory.
/// ENOSYS where the kernel lacks it; some containers answer EPERM.
int capstan_open_beneath(int directory, const char *path, int flags, unsigned mode);
/// openat with O_NOFOLLOW, for one component.
int capstan_open_component(int directory, const char *name, int flags, unsigned mode);
/// The bits of O_PATH, and of O_NOATIME.
int capstan_flag_path(void);
int capstan_flag_no_access_time(void);

/// Where data begins at or after `offset`; ENXIO when none does.
off_t capstan_seek_data(int fd, off_t offset);
/// Where a hole begins at or after `offset`; the end of the file counts as one.
off_t capstan_seek_hole(int fd, off_t offset);
/// Turns a range into a hole; the file's length stays.
int capstan_punch_hole(int fd, off_t offset, off_t length);
/// renameat2 with RENAME_NOREPLACE.
int capstan_rename_new(int from_directory, const char *from, int to_directory, const char *to);
/// renameat2 with RENAME_EXCHANGE: both names exist before and after.
int capstan_rename_exchange(const char *one, const char *other);
/// The file system's type number (statfs f_type), -1 with errno set on failure.
int64_t capstan_file_system_type(int fd);

/// Raises the limit of open files to the most that this process may have, and returns what it is then.
int64_t capstan_raise_open_files(void);

/// The kernel's id of the calling thread.
pid_t capstan_gettid(void);

/// Copies from the memory of another thread's process (process_vm_readv); how many bytes came, fewer when the rest is
/// not mapped there. EPERM without the right to trace it, ESRCH when it is gone.
ssize_t capstan_read_memory(pid_t thread, void *into, size_t length, uint64_t address);
/// Copies into the memory of another thread's process (process_vm_writev).
ssize_t capstan_write_memory(pid_t thread, const void *from, size_t length, uint64_t address);

/// Gives the signal of capstan_interrupt a handler that does nothing, so that it only ends a blocking call (EINTR).
int capstan_interrupt_prepare(void);
/// Lets the calling thread be interrupted, whatever signals its creator had blocked.
int capstan_interrupt_allow(void);
/// Interrupts the blocking call that a thread of this process is in. 0, or an errno.
int capstan_interrupt(unsigned long thread);

#endif
