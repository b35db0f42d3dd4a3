// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors
//
// What the C side of the benchmark shares: clocks, sockets, the test pattern and CRC32C.
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static inline void die(const char *what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static inline int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline int64_t cpu_us(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

/// The line that bench.py reads: when it began and ended on the monotonic clock, CPU time, bytes.
static inline void report(int64_t begun, int64_t ended, int64_t cpu, uint64_t bytes) {
    printf("DONE %lld %lld %lld %llu\n", (long long)begun, (long long)ended, (long long)cpu, (unsigned long long)bytes);
    fflush(stdout);
}

static inline int listen_and_say(void) {
    int s = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    if (s < 0 || bind(s, (struct sockaddr *)&a, n) || listen(s, 1) || getsockname(s, (struct sockaddr *)&a, &n))
        die("listen");
    printf("PORT %d\n", ntohs(a.sin_port));
    fflush(stdout);
    int c = accept(s, NULL, NULL);
    if (c < 0) die("accept");
    close(s);
    int one = 1;
    setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return c;
}

static inline int connect_to(const char *port) {
    int s = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    a.sin_port = htons((uint16_t)atoi(port));
    if (s < 0 || connect(s, (struct sockaddr *)&a, sizeof a)) die("connect");
    int one = 1;
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return s;
}

/// Reads exactly `count` bytes; fewer only at the end of the stream.
static inline size_t receive_all(int s, void *to, size_t count) {
    size_t have = 0;
    while (have < count) {
        ssize_t n = recv(s, (char *)to + have, count - have, MSG_WAITALL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) die("recv");
        if (n == 0) break;
        have += (size_t)n;
    }
    return have;
}

static inline void send_all(int s, const void *from, size_t count) {
    while (count) {
        ssize_t n = send(s, from, count, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) die("send");
        from = (const char *)from + n;
        count -= (size_t)n;
    }
}

static inline void write_all_at(int f, const void *from, size_t count, uint64_t at) {
    while (count) {
        ssize_t n = pwrite(f, from, count, (off_t)at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) die("pwrite");
        from = (const char *)from + n;
        count -= (size_t)n;
        at += (uint64_t)n;
    }
}

static inline void *aligned(size_t count) {
    void *p = NULL;
    if (posix_memalign(&p, 4096, count)) die("memory");
    memset(p, 0, count);
    return p;
}

// The test pattern: a stream of blocks of 64 KiB, each random bytes (the same 64 blocks again and again) that begin
// with its own number and the run's seed, so that a block that is missing, doubled or from an earlier run is seen.
enum { block_bytes = 65536, pattern_blocks = 64, pattern_bytes = block_bytes * pattern_blocks };

static inline unsigned char *new_pattern(void) {
    uint64_t *words = aligned(pattern_bytes), x = 0x2545F4914F6CDD1DULL;
    for (size_t i = 0; i < pattern_bytes / 8; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        words[i] = x;
    }
    return (unsigned char *)words;
}

static inline unsigned char *stamp(unsigned char *pattern, uint64_t block, uint64_t seed) {
    unsigned char *p = pattern + (block % pattern_blocks) * block_bytes;
    uint64_t head[2] = {block, seed};
    memcpy(p, head, sizeof head);
    return p;
}

/// Whether these bytes are what stands at `offset` of the run's stream.
static inline int is_right(
    unsigned char *pattern, const unsigned char *data, size_t count, uint64_t offset, uint64_t seed
) {
    while (count) {
        size_t within = offset % block_bytes, part = block_bytes - within;
        if (part > count) part = count;
        if (memcmp(stamp(pattern, offset / block_bytes, seed) + within, data, part)) return 0;
        data += part, offset += part, count -= part;
    }
    return 1;
}

// CRC32C with the SSE4.2 instruction, three streams at once (one alone waits three cycles for each result), joined by
// tables that advance a CRC over `lane` zero bytes. Elsewhere a plain table.
static uint32_t crc_table[256];
enum { lane = 2048 };
static uint32_t advance_table[4][256];

static inline uint32_t crc_bytes(uint32_t crc, const unsigned char *p, size_t n) {
    while (n--) crc = crc_table[(crc ^ *p++) & 255] ^ (crc >> 8);
    return crc;
}

static inline void crc_setup(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++) c = c & 1 ? 0x82F63B78u ^ (c >> 1) : c >> 1;
        crc_table[i] = c;
    }
    static const unsigned char zeros[lane];
    for (int byte = 0; byte < 4; byte++)
        for (uint32_t i = 0; i < 256; i++) advance_table[byte][i] = crc_bytes(i << (8 * byte), zeros, lane);
}

#if defined(__x86_64__)
#include <nmmintrin.h>

static inline uint32_t advance(uint32_t c) {
    return advance_table[0][c & 255] ^ advance_table[1][(c >> 8) & 255] ^ advance_table[2][(c >> 16) & 255]
        ^ advance_table[3][c >> 24];
}

__attribute__((target("sse4.2"))) static inline uint32_t crc32c(const unsigned char *p, size_t n) {
    uint64_t a = 0xFFFFFFFFu;
    for (; n >= 3 * lane; n -= 3 * lane, p += 3 * lane) {
        uint64_t b = 0, c = 0, x, y, z;
        for (size_t i = 0; i < lane; i += 8) {
            memcpy(&x, p + i, 8), memcpy(&y, p + lane + i, 8), memcpy(&z, p + 2 * lane + i, 8);
            a = _mm_crc32_u64(a, x), b = _mm_crc32_u64(b, y), c = _mm_crc32_u64(c, z);
        }
        a = advance(advance((uint32_t)a) ^ (uint32_t)b) ^ (uint32_t)c;
    }
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t x;
        memcpy(&x, p, 8);
        a = _mm_crc32_u64(a, x);
    }
    return ~crc_bytes((uint32_t)a, p, n);
}
#else
static inline uint32_t crc32c(const unsigned char *p, size_t n) { return ~crc_bytes(0xFFFFFFFFu, p, n); }
#endif
