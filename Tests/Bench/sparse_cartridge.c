// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors
//
// Turns a blank cartridge into one with many records of zeros that take no room on disk: its index by the rules of
// docs/reference/cartridge-format.md, its payload a hole.
//   sparse_cartridge DIRECTORY RECORDS RECORD-BYTES TAPE-FILES
#define _GNU_SOURCE
#include "common.h"

#include <sys/stat.h>

enum { superblock_bytes = 512, second_slot = 2048, head_bytes = 4096, entry_bytes = 32, kind_record = 1, kind_mark = 2 };

static void put(unsigned char *at, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) at[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t get(const unsigned char *at, int bytes) {
    uint64_t value = 0;
    for (int i = bytes; i-- > 0;) value = value << 8 | at[i];
    return value;
}

int main(int count, char **words) {
    if (count != 5) {
        fprintf(stderr, "sparse_cartridge DIRECTORY RECORDS RECORD-BYTES TAPE-FILES\n");
        return 2;
    }
    crc_setup();
    uint64_t records = strtoull(words[2], 0, 0), length = strtoull(words[3], 0, 0), files = strtoull(words[4], 0, 0);
    char path[4096];
    snprintf(path, sizeof path, "%s/p0.index", words[1]);
    int index = open(path, O_RDWR);
    unsigned char head[head_bytes];
    if (index < 0 || pread(index, head, sizeof head, 0) != sizeof head) die(path);
    // Of the two slots the one with the higher sequence.
    unsigned char *slot = get(head + 24, 8) >= get(head + second_slot + 24, 8) ? head : head + second_slot;
    uint64_t identity = get(slot + 16, 8), epoch = get(slot + 56, 4);
    unsigned char *zeros = aligned(length);
    uint32_t sum = crc32c(zeros, length);

    uint64_t entries = records + files, offset = 0, marks = 0, in_file = (records + files - 1) / files;
    unsigned char *table = aligned(entries * entry_bytes), checked[48];
    for (uint64_t number = 0, written = 0; number < entries; number++) {
        unsigned char *entry = table + number * entry_bytes;
        int is_mark = written == records || (written > 0 && written / in_file > marks);
        put(entry, offset, 6);
        entry[6] = is_mark ? kind_mark : kind_record;
        put(entry + 8, is_mark ? 0 : length, 4);
        put(entry + 12, is_mark ? 0 : length, 4);
        put(entry + 16, is_mark ? 0 : sum, 4);
        put(entry + 20, marks, 4);
        put(entry + 24, epoch, 4);
        put(checked, identity, 8);
        put(checked + 8, 0, 4);
        memcpy(checked + 12, entry, 28);
        put(checked + 40, number, 8);
        put(entry + 28, crc32c(checked, sizeof checked), 4);
        if (is_mark) marks++;
        else written++, offset += length;
    }
    write_all_at(index, table, entries * entry_bytes, head_bytes);

    unsigned char *other = slot == head ? head + second_slot : head;
    memcpy(other, slot, superblock_bytes);
    put(other + 24, get(slot + 24, 8) + 1, 8);
    put(other + 32, entries, 8);
    put(other + 40, offset, 8);
    put(other + 48, marks, 8);
    put(other + 508, crc32c(other, 508), 4);
    write_all_at(index, head, sizeof head, 0);
    snprintf(path, sizeof path, "%s/p0.data", words[1]);
    if (truncate(path, (off_t)offset)) die(path);
    printf("%llu entries, %llu filemarks, %llu bytes\n", (unsigned long long)entries, (unsigned long long)marks,
           (unsigned long long)offset);
    return 0;
}
