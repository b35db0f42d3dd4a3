// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

int capstan_fallocate_keep_size(int fd, off_t offset, off_t length) {
    return fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, length);
}

int capstan_start_writeback(int fd, off_t offset, off_t length) {
    return sync_file_range(fd, offset, length, SYNC_FILE_RANGE_WRITE);
}

int capstan_wait_for_writeback(int fd, off_t offset, off_t length) {
    return sync_file_range(fd, offset, length,
                           SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
}

int capstan_accept(int fd, int nonblocking) {
    return accept4(fd, NULL, NULL, SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0));
}

int capstan_eventfd_create(void) {
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

int capstan_eventfd_signal(int fd) {
    const uint64_t one = 1;
    ssize_t written;
    do {
        written = write(fd, &one, sizeof one);
    } while (written < 0 && errno == EINTR);
    // EAGAIN: the counter is at its limit, so the descriptor is readable already.
    return written == (ssize_t)sizeof one || errno == EAGAIN ? 0 : -1;
}

int capstan_eventfd_drain(int fd) {
    uint64_t count;
    ssize_t got;
    do {
        got = read(fd, &count, sizeof count);
    } while (got < 0 && errno == EINTR);
    if (got == (ssize_t)sizeof count) return 1;
    return errno == EAGAIN ? 0 : -1;
}

pid_t capstan_gettid(void) {
    return (pid_t)syscall(SYS_gettid);
}

int capstan_open_beneath(int directory, const char *path, int flags, unsigned mode) {
    struct open_how how;
    memset(&how, 0, sizeof how);
    how.flags = (uint64_t)(flags | O_CLOEXEC);
    // openat2 refuses mode bits when nothing is created.
    how.mode = (flags & O_CREAT) ? mode : 0;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;
    return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

int capstan_open_component(int directory, const char *name, int flags, unsigned mode) {
    return openat(directory, name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
}

int capstan_flag_path(void) {
    return O_PATH;
}

int capstan_flag_no_access_time(void) {
    return O_NOATIME;
}

off_t capstan_seek_data(int fd, off_t offset) {
    return lseek(fd, offset, SEEK_DATA);
}

off_t capstan_seek_hole(int fd, off_t offset) {
    return lseek(fd, offset, SEEK_HOLE);
}

int capstan_punch_hole(int fd, off_t offset, off_t length) {
    return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
}

int capstan_rename_new(int from_directory, const char *from, int to_directory, const char *to) {
    return renameat2(from_directory, from, to_directory, to, RENAME_NOREPLACE);
}

int capstan_rename_exchange(const char *one, const char *other) {
    return renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE);
}

int64_t capstan_file_system_type(int fd) {
    struct statfs status;
    if (fstatfs(fd, &status) != 0) return -1;
    return (int64_t)status.f_type;
}

ssize_t capstan_read_memory(pid_t thread, void *into, size_t length, uint64_t address) {
    struct iovec here = {into, length};
    struct iovec there = {(void *)(uintptr_t)address, length};
    return process_vm_readv(thread, &here, 1, &there, 1, 0);
}

ssize_t capstan_write_memory(pid_t thread, const void *from, size_t length, uint64_t address) {
    struct iovec here = {(void *)from, length};
    struct iovec there = {(void *)(uintptr_t)address, length};
    return process_vm_writev(thread, &here, 1, &there, 1, 0);
}

static void ignore_interrupt(int signal) {
    (void)signal;
}

// A realtime signal: nothing else in this program sends or expects it.
static int interrupt_signal(void) {
    return SIGRTMIN + 5;
}

int capstan_interrupt_prepare(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = ignore_interrupt;
    // No SA_RESTART: the call is to end.
    return sigaction(interrupt_signal(), &action, NULL);
}

int capstan_interrupt_allow(void) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, interrupt_signal());
    return pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
}

int capstan_interrupt(unsigned long thread) {
    return pthread_kill((pthread_t)thread, interrupt_signal());
}

int64_t capstan_raise_open_files(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return -1;
    if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = {limit.rlim_max, limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) != 0) return -1;
        limit = raised;
    }
    return limit.rlim_cur > INT64_MAX ? INT64_MAX : (int64_t)limit.rlim_cur;
}
