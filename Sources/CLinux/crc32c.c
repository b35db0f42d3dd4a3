// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors
//
// CRC32C, reflected polynomial 0x82F63B78, initial value and final XOR all ones (RFC 3385, RFC 3720 B.4).
//
// The processor's CRC instruction takes three cycles but can start one every cycle. Three neighbouring
// stripes are therefore run side by side, and joined: the CRC of a stripe is moved past the bytes that
// follow it by a linear map ("append n zero bytes"), which is a look-up of four bytes in prepared tables.
#include "CLinux.h"

#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#define CRC_TARGET __attribute__((target("sse4.2")))
#define CRC_U8(crc, v) ((uint32_t)_mm_crc32_u8((crc), (v)))
#define CRC_U64(crc, v) ((uint32_t)_mm_crc32_u64((crc), (v)))
#define HAVE_CRC_INSTRUCTION 1
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#ifndef HWCAP_CRC32
#define HWCAP_CRC32 (1 << 7)
#endif
#define CRC_TARGET __attribute__((target("crc")))
#define CRC_U8(crc, v) __crc32cb((crc), (v))
#define CRC_U64(crc, v) __crc32cd((crc), (v))
#define HAVE_CRC_INSTRUCTION 1
#endif

enum { LONG_STRIPE = 4096, SHORT_STRIPE = 256 };

static uint32_t byte_tables[8][256];
static uint32_t long_shift[4][256];
static uint32_t short_shift[4][256];
static int accelerated;

/// Fills `table` with the map "append `stripe` zero bytes", split by the four bytes of the CRC register.
static void prepare_shift(uint32_t table[4][256], int stripe) {
    uint32_t column[32];
    for (int bit = 0; bit < 32; bit++) {
        uint32_t crc = (uint32_t)1 << bit;
        for (int i = 0; i < stripe; i++) crc = (crc >> 8) ^ byte_tables[0][crc & 0xFF];
        column[bit] = crc;
    }
    for (int part = 0; part < 4; part++) {
        for (int value = 0; value < 256; value++) {
            uint32_t crc = 0;
            for (int bit = 0; bit < 8; bit++) {
                if (value & (1 << bit)) crc ^= column[part * 8 + bit];
            }
            table[part][value] = crc;
        }
    }
}

/// Runs before main: the tables are constant from then on, so no thread has to wait for them.
__attribute__((constructor)) static void prepare_tables(void) {
    for (uint32_t value = 0; value < 256; value++) {
        uint32_t crc = value;
        for (int bit = 0; bit < 8; bit++) crc = (crc & 1) ? (crc >> 1) ^ 0x82F63B78u : crc >> 1;
        byte_tables[0][value] = crc;
    }
    for (int table = 1; table < 8; table++) {
        for (int value = 0; value < 256; value++) {
            uint32_t crc = byte_tables[table - 1][value];
            byte_tables[table][value] = (crc >> 8) ^ byte_tables[0][crc & 0xFF];
        }
    }
    prepare_shift(long_shift, LONG_STRIPE);
    prepare_shift(short_shift, SHORT_STRIPE);
#if defined(__x86_64__)
    __builtin_cpu_init();
    accelerated = __builtin_cpu_supports("sse4.2") ? 1 : 0;
#elif defined(__aarch64__)
    accelerated = (getauxval(AT_HWCAP) & HWCAP_CRC32) ? 1 : 0;
#endif
}

uint32_t capstan_crc32c_software(uint32_t seed, const void *bytes, size_t length) {
    const uint8_t *p = bytes;
    uint32_t crc = ~seed;
    while (length >= 8) {
        uint32_t low = crc ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
        crc = byte_tables[7][low & 0xFF] ^ byte_tables[6][(low >> 8) & 0xFF] ^ byte_tables[5][(low >> 16) & 0xFF] ^
              byte_tables[4][low >> 24] ^ byte_tables[3][p[4]] ^ byte_tables[2][p[5]] ^ byte_tables[1][p[6]] ^
              byte_tables[0][p[7]];
        p += 8;
        length -= 8;
    }
    while (length-- > 0) crc = (crc >> 8) ^ byte_tables[0][(crc ^ *p++) & 0xFF];
    return ~crc;
}

#ifdef HAVE_CRC_INSTRUCTION
static inline uint32_t shifted(const uint32_t table[4][256], uint32_t crc) {
    return table[0][crc & 0xFF] ^ table[1][(crc >> 8) & 0xFF] ^ table[2][(crc >> 16) & 0xFF] ^ table[3][crc >> 24];
}

static inline uint64_t load64(const uint8_t *p) {
    uint64_t value;
    memcpy(&value, p, sizeof value);
    return value;
}

/// Three stripes at a time while they last; returns how many bytes were taken.
CRC_TARGET static inline size_t run_stripes(uint32_t *crc, const uint8_t *p, size_t length, size_t stripe,
                                            const uint32_t table[4][256]) {
    const uint8_t *start = p;
    while (length >= 3 * stripe) {
        uint32_t a = *crc, b = 0, c = 0;
        for (size_t i = 0; i < stripe; i += 8) {
            a = CRC_U64(a, load64(p + i));
            b = CRC_U64(b, load64(p + stripe + i));
            c = CRC_U64(c, load64(p + 2 * stripe + i));
        }
        *crc = shifted(table, shifted(table, a) ^ b) ^ c;
        p += 3 * stripe;
        length -= 3 * stripe;
    }
    return (size_t)(p - start);
}

CRC_TARGET static uint32_t crc32c_hardware(uint32_t seed, const uint8_t *p, size_t length) {
    uint32_t crc = ~seed;
    size_t done = run_stripes(&crc, p, length, LONG_STRIPE, long_shift);
    done += run_stripes(&crc, p + done, length - done, SHORT_STRIPE, short_shift);
    for (; length - done >= 8; done += 8) crc = CRC_U64(crc, load64(p + done));
    for (; done < length; done++) crc = CRC_U8(crc, p[done]);
    return ~crc;
}
#endif

uint32_t capstan_crc32c(uint32_t seed, const void *bytes, size_t length) {
#ifdef HAVE_CRC_INSTRUCTION
    if (accelerated) return crc32c_hardware(seed, bytes, length);
#endif
    return capstan_crc32c_software(seed, bytes, length);
}

int capstan_crc32c_is_accelerated(void) {
    return accelerated;
}
