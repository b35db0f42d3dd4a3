// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors
//
// What the mounted filesystem is compared with: a plain libfuse low-level server, one thread, over one file.
//   fuse_server FILE MOUNTPOINT
// It shows `tape` (a stream of records over FILE, from its beginning with each open), `data` (FILE itself) and `sg`
// (SG_IO, answered as INQUIRY by a fixed block). Prints PORT 0 when it is mounted; ends with SIGTERM.
#define _GNU_SOURCE
#define FUSE_USE_VERSION 314
#include "common.h"

#include <fuse3/fuse_lowlevel.h>
#include <scsi/sg.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/uio.h>

enum { tape_ino = 2, data_ino = 3, sg_ino = 4, most_bytes = 1 << 20 };
static const char *const names[] = {"tape", "data", "sg"};
static int file;
static off_t position;
static char *buffer;

static void attributes(fuse_ino_t ino, struct stat *to) {
    memset(to, 0, sizeof *to);
    to->st_ino = ino;
    to->st_nlink = 1;
    to->st_mode = ino == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0666;
    struct stat status;
    if (ino == data_ino && fstat(file, &status) == 0) to->st_size = status.st_size;
}

static void on_init(void *data, struct fuse_conn_info *connection) {
    (void)data;
    connection->max_write = connection->max_read = most_bytes;
    connection->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
}

static void on_lookup(fuse_req_t request, fuse_ino_t parent, const char *name) {
    struct fuse_entry_param entry = {.attr_timeout = 0, .entry_timeout = 0};
    for (fuse_ino_t i = 0; parent == FUSE_ROOT_ID && i < 3; i++) {
        if (strcmp(name, names[i])) continue;
        entry.ino = tape_ino + i;
        attributes(entry.ino, &entry.attr);
        fuse_reply_entry(request, &entry);
        return;
    }
    fuse_reply_err(request, ENOENT);
}

static void on_getattr(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *info) {
    (void)info;
    struct stat status;
    attributes(ino, &status);
    fuse_reply_attr(request, &status, 0);
}

static void on_open(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *info) {
    info->direct_io = 1;
    info->nonseekable = ino == tape_ino;
    if (ino == tape_ino) position = 0;
    fuse_reply_open(request, info);
}

static void on_read(fuse_req_t request, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *info) {
    (void)info;
    if (size > most_bytes) size = most_bytes;
    ssize_t got = pread(file, buffer, size, ino == tape_ino ? position : offset);
    if (got < 0) {
        fuse_reply_err(request, errno);
        return;
    }
    if (ino == tape_ino) position += got;
    fuse_reply_buf(request, buffer, (size_t)got);
}

static void on_write(
    fuse_req_t request, fuse_ino_t ino, const char *bytes, size_t size, off_t offset, struct fuse_file_info *info
) {
    (void)info;
    ssize_t put = pwrite(file, bytes, size, ino == tape_ino ? position : offset);
    if (put < 0) {
        fuse_reply_err(request, errno);
        return;
    }
    if (ino == tape_ino) position += put;
    fuse_reply_write(request, (size_t)put);
}

static void on_ioctl(
    fuse_req_t request, fuse_ino_t ino, unsigned command, void *argument, struct fuse_file_info *info, unsigned flags,
    const void *in, size_t in_bytes, size_t out_bytes
) {
    (void)info, (void)flags, (void)in, (void)in_bytes, (void)out_bytes;
    if (ino != sg_ino || command != SG_IO) {
        fuse_reply_err(request, ENOTTY);
        return;
    }
    pid_t caller = fuse_req_ctx(request)->pid;
    struct sg_io_hdr header;
    unsigned char cdb[16], answer[96] = {1, 0x80, 6, 2, 91};
    struct iovec here = {&header, sizeof header}, there = {argument, sizeof header};
    if (process_vm_readv(caller, &here, 1, &there, 1, 0) != sizeof header) goto fault;
    here = (struct iovec){cdb, 6}, there = (struct iovec){header.cmdp, 6};
    if (process_vm_readv(caller, &here, 1, &there, 1, 0) != 6) goto fault;
    size_t count = header.dxfer_len < sizeof answer ? header.dxfer_len : sizeof answer;
    here = (struct iovec){answer, count}, there = (struct iovec){header.dxferp, count};
    if (process_vm_writev(caller, &here, 1, &there, 1, 0) != (ssize_t)count) goto fault;
    header.status = 0, header.resid = (int)(header.dxfer_len - count);
    here = (struct iovec){&header, sizeof header}, there = (struct iovec){argument, sizeof header};
    if (process_vm_writev(caller, &here, 1, &there, 1, 0) != sizeof header) goto fault;
    fuse_reply_ioctl(request, 0, NULL, 0);
    return;
fault:
    fuse_reply_err(request, EFAULT);
}

int main(int count, char **words) {
    if (count != 3) {
        fprintf(stderr, "fuse_server FILE MOUNTPOINT\n");
        return 2;
    }
    file = open(words[1], O_RDWR | O_CREAT, 0600);
    if (file < 0) die(words[1]);
    buffer = aligned(most_bytes);
    const struct fuse_lowlevel_ops operations = {
        .init = on_init, .lookup = on_lookup, .getattr = on_getattr, .open = on_open, .read = on_read,
        .write = on_write, .ioctl = on_ioctl,
    };
    char *options[] = {words[0], "-o", "fsname=capstan-bench,max_read=1048576"};
    struct fuse_args arguments = FUSE_ARGS_INIT(3, options);
    struct fuse_session *session = fuse_session_new(&arguments, &operations, sizeof operations, NULL);
    if (!session || fuse_set_signal_handlers(session) || fuse_session_mount(session, words[2])) return 1;
    printf("PORT 0\n");
    fflush(stdout);
    int outcome = fuse_session_loop(session);
    fuse_session_unmount(session);
    fuse_session_destroy(session);
    return outcome < 0;
}
