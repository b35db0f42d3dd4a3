// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors
//
// A program that uses device files of the mounted filesystem, as dd and sg_inq do.
//   device write FILE RECORD BYTES SEED             writes the test pattern
//   device read FILE RECORD BYTES SEED check|plain  reads it, compares it when told to
//   device rewind FILE                              MTIOCTOP, MTREW
//   device inquiry FILE COUNT                       INQUIRY by SG_IO, again and again
//   device seek FILE COUNT                          4 KiB from COUNT places all over the file
// The clock runs from the first to the last byte; open and close are not measured.
#define _GNU_SOURCE
#include "common.h"

#include <scsi/sg.h>
#include <sys/ioctl.h>
#include <sys/mtio.h>
#include <sys/stat.h>

static int write_records(int f, size_t record, uint64_t bytes, uint64_t seed) {
    unsigned char *pattern = new_pattern(), *buffer = aligned(record);
    int64_t spent = 0, cpu = cpu_us(), begun = now_ns();
    for (uint64_t at = 0; at < bytes; at += record) {
        // Making the pattern is not the device's work.
        int64_t start = now_ns();
        for (size_t done = 0; done < record; done += block_bytes)
            memcpy(buffer + done, stamp(pattern, (at + done) / block_bytes, seed), block_bytes);
        spent += now_ns() - start;
        if (write(f, buffer, record) != (ssize_t)record) die("write");
    }
    report(begun, now_ns() - spent, cpu_us() - cpu, bytes);
    if (close(f)) die("close");
    return 0;
}

static int read_records(int f, size_t record, uint64_t bytes, uint64_t seed, int checking) {
    unsigned char *pattern = new_pattern(), *buffer = aligned(record);
    int64_t cpu = cpu_us(), begun = now_ns();
    uint64_t at = 0;
    for (ssize_t got; at < bytes && (got = read(f, buffer, record)) != 0; at += (uint64_t)got) {
        if (got < 0) die("read");
        if (checking && !is_right(pattern, buffer, (size_t)got, at, seed)) {
            fprintf(stderr, "wrong data at %llu\n", (unsigned long long)at);
            return 1;
        }
    }
    report(begun, now_ns(), cpu_us() - cpu, at);
    return at == bytes ? 0 : 1;
}

static int inquire(int f, uint64_t count) {
    unsigned char cdb[6] = {0x12, 0, 0, 0, 96, 0}, answer[96], sense[32];
    int64_t cpu = cpu_us(), begun = now_ns();
    for (uint64_t i = 0; i < count; i++) {
        struct sg_io_hdr header = {
            .interface_id = 'S', .dxfer_direction = SG_DXFER_FROM_DEV, .cmd_len = 6, .mx_sb_len = sizeof sense,
            .dxfer_len = sizeof answer, .dxferp = answer, .cmdp = cdb, .sbp = sense, .timeout = 10000,
        };
        if (ioctl(f, SG_IO, &header)) die("SG_IO");
        if (header.status || (answer[0] & 31) > 8) {
            fprintf(stderr, "status %d, device type %d\n", header.status, answer[0] & 31);
            return 1;
        }
    }
    report(begun, now_ns(), cpu_us() - cpu, count);
    return 0;
}

static int seek_about(int f, uint64_t count) {
    struct stat status;
    if (fstat(f, &status)) die("stat");
    unsigned char *buffer = aligned(4096);
    uint64_t x = 0x2545F4914F6CDD1DULL;
    int64_t cpu = cpu_us(), begun = now_ns();
    for (uint64_t i = 0; i < count; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        off_t at = (off_t)(x % (uint64_t)(status.st_size - 4096));
        if (pread(f, buffer, 4096, at) != 4096) die("pread");
    }
    report(begun, now_ns(), cpu_us() - cpu, count);
    return 0;
}

int main(int count, char **words) {
    if (count < 3) return 2;
    const char *what = words[1];
    int writes = !strcmp(what, "write"), control = !strcmp(what, "inquiry");
    int f = open(words[2], control ? O_RDWR : writes ? O_WRONLY : O_RDONLY);
    if (f < 0) die(words[2]);
    // Records of whole blocks of the pattern.
    if (writes && count == 6 && strtoull(words[3], 0, 0) % block_bytes == 0) {
        return write_records(f, strtoull(words[3], 0, 0), strtoull(words[4], 0, 0), strtoull(words[5], 0, 0));
    }
    if (!strcmp(what, "read") && count == 7) {
        return read_records(
            f, strtoull(words[3], 0, 0), strtoull(words[4], 0, 0), strtoull(words[5], 0, 0), !strcmp(words[6], "check")
        );
    }
    if (control && count == 4) return inquire(f, strtoull(words[3], 0, 0));
    if (!strcmp(what, "seek") && count == 4) return seek_about(f, strtoull(words[3], 0, 0));
    if (!strcmp(what, "rewind")) {
        struct mtop operation = {.mt_op = MTREW, .mt_count = 1};
        if (ioctl(f, MTIOCTOP, &operation)) die("rewind");
        return 0;
    }
    return 2;
}
