// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors
//
// Calls of SG_IO and its small relatives that no packaged tool makes: scatter lists, 32-bit callers, many threads,
// pointers to nowhere, hostile headers. `sg_caller CASE PATH` prints one line for each call: what came back, or the
// name of the error. test_mount_scsi.py judges.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <scsi/sg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static const char *path;

static const char *name_of(int code) {
    const char *name = strerrorname_np(code);
    return code == 0 ? "ok" : name ? name : "?";
}

static int open_device(void) {
    int file = open(path, O_RDWR | O_NONBLOCK);
    if (file < 0) {
        printf("open %s\n", name_of(errno));
        exit(3);
    }
    return file;
}

static struct sg_io_hdr header(unsigned char *cdb, int cdb_length, void *data, unsigned length, int direction,
                               unsigned char *sense) {
    struct sg_io_hdr it;
    memset(&it, 0, sizeof it);
    it.interface_id = 'S';
    it.dxfer_direction = direction;
    it.cmd_len = cdb_length;
    it.mx_sb_len = 32;
    it.dxfer_len = length;
    it.dxferp = data;
    it.cmdp = cdb;
    it.sbp = sense;
    it.timeout = 20000;
    return it;
}

static unsigned char inquiry[6] = {0x12, 0, 0, 0, 96, 0};
static unsigned char sense[32];

static int send_it(int file, struct sg_io_hdr *it) { return ioctl(file, SG_IO, it) < 0 ? errno : 0; }

static void say(const char *what, int code, const struct sg_io_hdr *it) {
    printf("%s: %s", what, name_of(code));
    if (code == 0) {
        printf(" status %d sense %d/%02x%02x resid %d", it->status, it->sb_len_wr > 2 ? sense[2] & 15 : 0,
               it->sb_len_wr > 13 ? sense[12] : 0, it->sb_len_wr > 13 ? sense[13] : 0, it->resid);
    }
    printf("\n");
}

static void plain(void) {
    unsigned char data[96] = {0};
    struct sg_io_hdr it = header(inquiry, 6, data, sizeof data, SG_DXFER_FROM_DEV, sense);
    int code = send_it(open_device(), &it);
    say("inquiry", code, &it);
    if (code == 0) { printf("vendor %.8s product %.16s\n", data + 8, data + 16); }
}

static void scatter(void) {
    unsigned char whole[96] = {0}, data[96] = {0};
    int file = open_device();
    struct sg_io_hdr it = header(inquiry, 6, whole, sizeof whole, SG_DXFER_FROM_DEV, sense);
    send_it(file, &it);
    struct iovec parts[3] = {{data, 8}, {data + 8, 1}, {data + 9, 87}};
    it = header(inquiry, 6, parts, sizeof data, SG_DXFER_FROM_DEV, sense);
    it.iovec_count = 3;
    int code = send_it(file, &it);
    say("scatter in", code, &it);
    printf("equal %d\n", memcmp(whole, data, sizeof data) == 0);
    parts[1].iov_base = NULL;
    it = header(inquiry, 6, parts, sizeof data, SG_DXFER_FROM_DEV, sense);
    it.iovec_count = 3;
    say("scatter to nowhere", send_it(file, &it), &it);
    it.iovec_count = 60000;
    say("scatter of 60000", send_it(file, &it), &it);
}

// On a drive with a cartridge: WRITE(6) of 5000 bytes from three places, and READ(6) into two.
static void gather(void) {
    static unsigned char out[5000], back[5000];
    unsigned char rewind_it[6] = {1}, write_it[6] = {0x0A, 0, 0, 5000 >> 8, 5000 & 255, 0};
    unsigned char read_it[6] = {0x08, 0, 0, 5000 >> 8, 5000 & 255, 0};
    for (int i = 0; i < 5000; i++) { out[i] = (unsigned char)(i * 7 + i / 256); }
    int file = open_device();
    struct sg_io_hdr it = header(rewind_it, 6, NULL, 0, SG_DXFER_NONE, sense);
    say("rewind", send_it(file, &it), &it);
    struct iovec from[3] = {{out, 1}, {out + 1, 4095}, {out + 4096, 904}}, to[2] = {{back, 4999}, {back + 4999, 1}};
    it = header(write_it, 6, from, 5000, SG_DXFER_TO_DEV, sense);
    it.iovec_count = 3;
    say("gather out", send_it(file, &it), &it);
    it = header(rewind_it, 6, NULL, 0, SG_DXFER_NONE, sense);
    say("rewind", send_it(file, &it), &it);
    it = header(read_it, 6, to, 5000, SG_DXFER_FROM_DEV, sense);
    it.iovec_count = 2;
    say("read", send_it(file, &it), &it);
    printf("equal %d\n", memcmp(out, back, sizeof out) == 0);
}

// The header as a 32-bit program lays it out (compat_sg_io_hdr of the kernel), sent by the 32-bit system call.
struct header32 {
    int32_t interface_id, dxfer_direction;
    uint8_t cmd_len, mx_sb_len;
    uint16_t iovec_count;
    uint32_t dxfer_len, dxferp, cmdp, sbp, timeout, flags;
    int32_t pack_id;
    uint32_t usr_ptr;
    uint8_t status, masked_status, msg_status, sb_len_wr;
    uint16_t host_status, driver_status;
    int32_t resid;
    uint32_t duration, info;
};

static long call32(long number, long a, long b, long c) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
    return result;
}

static void compat(void) {
    int file = open_device();
    unsigned char *low = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (low == MAP_FAILED) { printf("mmap %s\n", name_of(errno)); return; }
    struct header32 *it = (struct header32 *)low;
    unsigned char *cdb = low + 256, *data = low + 512, *its_sense = low + 1024;
    memcpy(cdb, inquiry, 6);
    it->interface_id = 'S';
    it->dxfer_direction = SG_DXFER_FROM_DEV;
    it->cmd_len = 6;
    it->mx_sb_len = 32;
    it->dxfer_len = 96;
    it->dxferp = (uint32_t)(uintptr_t)data;
    it->cmdp = (uint32_t)(uintptr_t)cdb;
    it->sbp = (uint32_t)(uintptr_t)its_sense;
    it->timeout = 20000;
    long result = call32(54, file, SG_IO, (long)(uintptr_t)it);
    printf("compat: %s\n", name_of(result < 0 ? (int)-result : 0));
    if (result == 0) {
        printf("status %d resid %d vendor %.8s product %.16s\n", it->status, it->resid, data + 8, data + 16);
    }
    int *version = (int *)(low + 2048);
    result = call32(54, file, SG_GET_VERSION_NUM, (long)(uintptr_t)version);
    printf("compat version: %s %d\n", name_of(result < 0 ? (int)-result : 0), *version);
}

static void hostile(void) {
    int file = open_device();
    unsigned char data[96];
    struct sg_io_hdr it;
    void *nowhere = (void *)(uintptr_t)0x10;
    unsigned char *fixed = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
#define TRY(what, change)                                                              \
    it = header(inquiry, 6, data, sizeof data, SG_DXFER_FROM_DEV, sense);              \
    change;                                                                            \
    say(what, send_it(file, &it), &it)
    printf("no header: %s\n", name_of(ioctl(file, SG_IO, NULL) < 0 ? errno : 0));
    printf("header nowhere: %s\n", name_of(ioctl(file, SG_IO, nowhere) < 0 ? errno : 0));
    printf("header at the end of memory: %s\n", name_of(ioctl(file, SG_IO, (void *)-8L) < 0 ? errno : 0));
    TRY("data nowhere", it.dxferp = nowhere);
    TRY("data read-only", it.dxferp = fixed);
    TRY("command nowhere", it.cmdp = nowhere);
    // A command that is none has sense data.
    TRY("sense nowhere", { it.sbp = nowhere; inquiry[0] = 0xFF; });
    inquiry[0] = 0x12;
    TRY("version 4", it.interface_id = 'Q');
    TRY("interface 0", it.interface_id = 0);
    TRY("command of 0 bytes", it.cmd_len = 0);
    TRY("command of 5 bytes", it.cmd_len = 5);
    TRY("command of 255 bytes", it.cmd_len = 255);
    TRY("4 GiB of data", { it.dxfer_len = 0xFFFFFFFF; inquiry[4] = 255; });
    inquiry[4] = 96;
    TRY("1 GiB of data", it.dxfer_len = 1u << 30);
    TRY("direction 77", it.dxfer_direction = 77);
    TRY("direction to the device", it.dxfer_direction = SG_DXFER_TO_DEV);
    TRY("no data wanted", { it.dxfer_direction = SG_DXFER_NONE; it.dxfer_len = 0; it.dxferp = NULL; });
    TRY("less data wanted", it.dxfer_len = 36);
    TRY("no sense wanted", { it.mx_sb_len = 0; it.sbp = NULL; });
    TRY("after all that", (void)0);
    printf("write(2): %s\n", name_of(write(file, data, sizeof data) < 0 ? errno : 0));
    printf("read(2): %s\n", name_of(read(file, data, sizeof data) < 0 ? errno : 0));
    printf("unknown ioctl: %s\n", name_of(ioctl(file, 0x22FF, data) < 0 ? errno : 0));
}

static void small(void) {
    int file = open_device(), value = -1, pair[2] = {0, 0}, bus = -1;
    struct sg_scsi_id id;
    memset(&id, 0, sizeof id);
#define ASK(what, request, argument) printf("%s: %s", what, name_of(ioctl(file, request, argument) < 0 ? errno : 0))
    ASK("version", SG_GET_VERSION_NUM, &value);
    printf(" %d\n", value);
    value = 6000;
    ASK("set timeout", SG_SET_TIMEOUT, &value);
    int timeout = ioctl(file, SG_GET_TIMEOUT, NULL);
    printf("\nget timeout: %d\n", timeout);
    ASK("reserved size", SG_GET_RESERVED_SIZE, &value);
    printf(" %d\n", value);
    value = 65536;
    ASK("set reserved size", SG_SET_RESERVED_SIZE, &value);
    ASK("\nid", SG_GET_SCSI_ID, &id);
    printf(" host %d type %d\n", id.host_no, id.scsi_type);
    ASK("idlun", 0x5382, pair);
    ASK("\nbus", 0x5386, &bus);
    ASK("\nemulated", SG_EMULATED_HOST, &value);
    printf(" %d\n", value);
    ASK("table size", SG_GET_SG_TABLESIZE, &value);
    printf(" %d\n", value);
    value = 0;
    ASK("reset nothing", 0x2284, &value);
    printf("\n");
}

static void *many_inquiries(void *argument) {
    long bad = 0;
    int file = open_device();
    for (int i = 0; i < 500; i++) {
        unsigned char data[96] = {0}, own_sense[32];
        struct sg_io_hdr it = header(inquiry, 6, data, sizeof data, SG_DXFER_FROM_DEV, own_sense);
        if (send_it(file, &it) != 0 || it.status != 0 || memcmp(data + 8, argument, 24) != 0) { bad++; }
    }
    close(file);
    return (void *)bad;
}

static void threads(void) {
    unsigned char data[96] = {0};
    struct sg_io_hdr it = header(inquiry, 6, data, sizeof data, SG_DXFER_FROM_DEV, sense);
    send_it(open_device(), &it);
    pthread_t all[8];
    long bad = 0;
    for (int i = 0; i < 8; i++) { pthread_create(&all[i], NULL, many_inquiries, data + 8); }
    for (int i = 0; i < 8; i++) {
        void *one;
        pthread_join(all[i], &one);
        bad += (long)one;
    }
    printf("bad %ld\n", bad);
}

static int smaller(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static void timed(void) {
    static double times[3000];
    int file = open_device();
    for (int i = 0; i < 3000; i++) {
        unsigned char data[96];
        struct timespec begun, ended;
        struct sg_io_hdr it = header(inquiry, 6, data, sizeof data, SG_DXFER_FROM_DEV, sense);
        clock_gettime(CLOCK_MONOTONIC, &begun);
        int code = send_it(file, &it);
        clock_gettime(CLOCK_MONOTONIC, &ended);
        if (code != 0) { printf("%s\n", name_of(code)); return; }
        times[i] = (double)(ended.tv_sec - begun.tv_sec) * 1e6 + (double)(ended.tv_nsec - begun.tv_nsec) / 1e3;
    }
    qsort(times, 3000, sizeof times[0], smaller);
    printf("median %.1f us, 99%% %.1f us\n", times[1500], times[2970]);
}

int main(int count, char **words) {
    static const struct { const char *name; void (*run)(void); } cases[] = {
        {"plain", plain}, {"scatter", scatter}, {"gather", gather}, {"compat", compat}, {"hostile", hostile},
        {"small", small}, {"threads", threads}, {"timed", timed},
    };
    if (count != 3) { return 2; }
    path = words[2];
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (strcmp(words[1], cases[i].name) == 0) {
            cases[i].run();
            return 0;
        }
    }
    return 2;
}
