// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors
//
// The plain C programs that the mover is compared with, and the far end of its data connections.
//   stream receive FILE RECORD BYTES crc|plain      recv, CRC32C, pwrite over a file
//   stream splice FILE BYTES                        a new file by splice, then fdatasync
//   stream serve FILE BYTES                         sendfile to whoever connects
//   stream send PORT BYTES SEED                     sends the test pattern
//   stream sink PORT BYTES SEED check|plain         takes a stream, compares it when told to
//   stream make FILE BYTES SEED | stream verify FILE BYTES SEED
#define _GNU_SOURCE
#include "common.h"

#include <sys/sendfile.h>

static int usage(void) {
    fprintf(stderr, "see the head of stream.c\n");
    return 2;
}

static int receive(const char *path, size_t record, uint64_t bytes, int with_crc) {
    int f = open(path, O_RDWR | O_CREAT, 0600);
    if (f < 0) die(path);
    unsigned char *buffer = aligned(record);
    uint32_t *sums = calloc(bytes / record + 1, sizeof *sums);
    int s = listen_and_say();
    int64_t begun = now_ns(), cpu = cpu_us();
    uint64_t at = 0;
    for (size_t i = 0;; i++) {
        size_t n = receive_all(s, buffer, record);
        if (!n) break;
        if (with_crc) sums[i] = crc32c(buffer, n);
        write_all_at(f, buffer, n, at);
        at += n;
    }
    report(begun, now_ns(), cpu_us() - cpu, at);
    return at == bytes ? 0 : 1;
}

static int splice_to_disk(const char *path, uint64_t bytes) {
    unlink(path);
    int f = open(path, O_RDWR | O_CREAT | O_EXCL, 0600), pipes[2];
    if (f < 0 || pipe(pipes)) die(path);
    fcntl(pipes[1], F_SETPIPE_SZ, 1 << 20);
    if (fallocate(f, FALLOC_FL_KEEP_SIZE, 0, (off_t)bytes)) die("fallocate");
    int s = listen_and_say();
    int64_t begun = now_ns(), cpu = cpu_us();
    loff_t at = 0;
    for (;;) {
        ssize_t in = splice(s, NULL, pipes[1], NULL, 1 << 18, SPLICE_F_MOVE);
        if (in < 0 && errno == EINTR) continue;
        if (in < 0) die("splice from socket");
        if (in == 0) break;
        while (in) {
            ssize_t out = splice(pipes[0], NULL, f, &at, (size_t)in, SPLICE_F_MOVE);
            if (out <= 0) die("splice to file");
            in -= out;
        }
    }
    if (fdatasync(f)) die("fdatasync");
    report(begun, now_ns(), cpu_us() - cpu, (uint64_t)at);
    return (uint64_t)at == bytes ? 0 : 1;
}

static int serve(const char *path, uint64_t bytes) {
    int f = open(path, O_RDONLY);
    if (f < 0) die(path);
    int s = listen_and_say();
    int64_t begun = now_ns(), cpu = cpu_us();
    off_t at = 0;
    while ((uint64_t)at < bytes) {
        ssize_t n = sendfile(s, f, &at, bytes - (uint64_t)at > 1 << 30 ? 1 << 30 : bytes - (uint64_t)at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) die("sendfile");
    }
    close(s);
    report(begun, now_ns(), cpu_us() - cpu, (uint64_t)at);
    return 0;
}

static int send_pattern(const char *port, uint64_t bytes, uint64_t seed) {
    unsigned char *pattern = new_pattern();
    int s = connect_to(port);
    int64_t begun = now_ns(), cpu = cpu_us();
    const uint64_t run = 4 * block_bytes;
    for (uint64_t at = 0; at < bytes; at += run) {
        uint64_t part = bytes - at < run ? bytes - at : run;
        unsigned char *from = stamp(pattern, at / block_bytes, seed);
        for (uint64_t i = 1; i < 4; i++) stamp(pattern, at / block_bytes + i, seed);
        send_all(s, from, part);
    }
    close(s);
    report(begun, now_ns(), cpu_us() - cpu, bytes);
    return 0;
}

static int sink(const char *port, uint64_t bytes, uint64_t seed, int checking) {
    enum { chunk = 262144 };
    unsigned char *pattern = new_pattern(), *buffer = aligned(chunk);
    int s = connect_to(port);
    printf("CONNECTED\n");
    fflush(stdout);
    uint64_t at = 0;
    int64_t begun = 0, cpu = cpu_us();
    while (at < bytes) {
        ssize_t n = recv(s, buffer, bytes - at < chunk ? bytes - at : chunk, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        if (!begun) begun = now_ns();
        if (checking && !is_right(pattern, buffer, (size_t)n, at, seed)) {
            fprintf(stderr, "wrong data near byte %llu\n", (unsigned long long)at);
            return 1;
        }
        at += (uint64_t)n;
    }
    report(begun, now_ns(), cpu_us() - cpu, at);
    close(s);
    return at == bytes ? 0 : 1;
}

static int make(const char *path, uint64_t bytes, uint64_t seed) {
    unsigned char *pattern = new_pattern();
    int f = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (f < 0) die(path);
    for (uint64_t at = 0; at < bytes; at += block_bytes) {
        uint64_t part = bytes - at < block_bytes ? bytes - at : block_bytes;
        write_all_at(f, stamp(pattern, at / block_bytes, seed), part, at);
    }
    return 0;
}

static int verify(const char *path, uint64_t bytes, uint64_t seed) {
    unsigned char *pattern = new_pattern(), *buffer = aligned(block_bytes);
    int f = open(path, O_RDONLY);
    if (f < 0) die(path);
    for (uint64_t at = 0; at < bytes;) {
        ssize_t n = pread(f, buffer, block_bytes, (off_t)at);
        if (n <= 0) die("pread");
        if (!is_right(pattern, buffer, (size_t)n, at, seed)) return 1;
        at += (uint64_t)n;
    }
    return 0;
}

int main(int count, char **a) {
    crc_setup();
    // The check value of the standard's "123456789".
    if (crc32c((const unsigned char *)"123456789", 9) != 0xE3069283u) return 3;
    const char *what = count > 1 ? a[1] : "";
    if (!strcmp(what, "receive") && count == 6)
        return receive(a[2], strtoull(a[3], 0, 10), strtoull(a[4], 0, 10), !strcmp(a[5], "crc"));
    if (!strcmp(what, "splice") && count == 4) return splice_to_disk(a[2], strtoull(a[3], 0, 10));
    if (!strcmp(what, "serve") && count == 4) return serve(a[2], strtoull(a[3], 0, 10));
    if (!strcmp(what, "send") && count == 5) return send_pattern(a[2], strtoull(a[3], 0, 10), strtoull(a[4], 0, 10));
    if (!strcmp(what, "sink") && count == 6)
        return sink(a[2], strtoull(a[3], 0, 10), strtoull(a[4], 0, 10), !strcmp(a[5], "check"));
    if (!strcmp(what, "make") && count == 5) return make(a[2], strtoull(a[3], 0, 10), strtoull(a[4], 0, 10));
    if (!strcmp(what, "verify") && count == 5) return verify(a[2], strtoull(a[3], 0, 10), strtoull(a[4], 0, 10));
    return usage();
}
