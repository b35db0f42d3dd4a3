// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors
//
// TAPE_WRITE at queue depth 1: a client in C, and a plain C server that answers it from one blocking thread.
//   requests serve FILE                                    reads a request, pwrites its data, replies
//   requests load PORT DEVICE COUNT RECORD SEED [check]    COUNT TAPE_WRITEs, one after the other's reply
#define _GNU_SOURCE
#include "common.h"

#include <sys/uio.h>

enum {
    tape_open = 0x300, tape_close = 0x301, tape_mtio = 0x303, tape_write = 0x304, tape_read = 0x305,
    connection_status = 0x502, connect_open = 0x900, client_auth = 0x901, connect_close = 0x902,
    largest_message = 4 << 20
};

struct head { uint32_t mark, sequence, time, kind, message, reply_to, error; };

static int serve(const char *path) {
    int f = open(path, O_RDWR | O_CREAT, 0600);
    if (f < 0) die(path);
    unsigned char *buffer = aligned(largest_message);
    int s = listen_and_say();
    struct { struct head h; uint32_t reason, version, empty; } hello = {
        {htonl(0x80000000u | (sizeof hello - 4)), htonl(1), 0, 0, htonl(connection_status), 0, 0}, 0, htonl(4), 0};
    send_all(s, &hello, sizeof hello);
    uint64_t at = 0, served = 0;
    int64_t begun = 0, cpu = 0, ended = 0, spent = 0;
    for (uint32_t mark, sequence = 2;; sequence++) {
        if (receive_all(s, &mark, 4) != 4) break;
        uint32_t length = ntohl(mark) & 0x7FFFFFFF;
        if (length < 24 || length > largest_message || receive_all(s, buffer, length) != length) return 1;
        uint32_t *word = (uint32_t *)buffer, message = ntohl(word[3]), count = 0;
        if (message == connect_close) break;
        if (message == tape_write) {
            if (!begun) begun = now_ns(), cpu = cpu_us();
            count = ntohl(word[6]);
            write_all_at(f, buffer + 28, count, at);
            at += count;
        } else if (message == tape_mtio) {
            if (begun && !ended) ended = now_ns(), spent = cpu_us() - cpu, served = at;
            at = 0;
        }
        struct { struct head h; uint32_t error, count; } reply = {
            {htonl(0x80000000u | 32), htonl(sequence), word[1], htonl(1), word[3], word[0], 0}, 0, htonl(count)};
        send_all(s, &reply, sizeof reply);
    }
    report(begun, ended, spent, served);
    return 0;
}

static uint32_t sequence;

static void request(int s, uint32_t message, const void *body, size_t body_bytes, const void *data, size_t data_bytes) {
    struct head h = {htonl(0x80000000u | (uint32_t)(24 + body_bytes + data_bytes)), htonl(++sequence),
                     htonl((uint32_t)time(NULL)), 0, htonl(message), 0, 0};
    struct iovec v[3] = {{&h, sizeof h}, {(void *)body, body_bytes}, {(void *)data, data_bytes}};
    size_t left = sizeof h + body_bytes + data_bytes;
    struct msghdr m = {.msg_iov = v, .msg_iovlen = 3};
    while (left) {
        ssize_t n = sendmsg(s, &m, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) die("sendmsg");
        left -= (size_t)n;
        while (n && m.msg_iovlen) {
            size_t part = m.msg_iov->iov_len < (size_t)n ? m.msg_iov->iov_len : (size_t)n;
            m.msg_iov->iov_base = (char *)m.msg_iov->iov_base + part;
            m.msg_iov->iov_len -= part;
            n -= (ssize_t)part;
            while (m.msg_iovlen && !m.msg_iov->iov_len) m.msg_iov++, m.msg_iovlen--;
        }
    }
}

/// One whole message into `buffer`; returns its length behind the record marks.
static size_t message_into(int s, unsigned char *buffer) {
    size_t have = 0;
    for (;;) {
        uint32_t mark;
        if (receive_all(s, &mark, 4) != 4) die("the server closed");
        uint32_t length = ntohl(mark) & 0x7FFFFFFF;
        if (have + length > largest_message) die("too long a message");
        if (receive_all(s, buffer + have, length) != length) die("the server closed");
        have += length;
        if (ntohl(mark) & 0x80000000u) return have;
    }
}

/// Waits for the reply; its words begin behind the header: error first.
static uint32_t *reply_to(int s, unsigned char *buffer, uint32_t message) {
    for (;;) {
        message_into(s, buffer);
        uint32_t *word = (uint32_t *)buffer;
        if (ntohl(word[2]) == 0) continue;
        if (ntohl(word[3]) != message || ntohl(word[4]) != sequence || word[5] || word[6]) {
            fprintf(stderr, "message 0x%x: error %u/%u\n", message, ntohl(word[5]), ntohl(word[6]));
            exit(1);
        }
        return word + 6;
    }
}

static size_t put_text(unsigned char *to, const char *text) {
    size_t n = strlen(text), padded = (n + 3) & ~(size_t)3;
    uint32_t length = htonl((uint32_t)n);
    memcpy(to, &length, 4);
    memset(to + 4, 0, padded);
    memcpy(to + 4, text, n);
    return 4 + padded;
}

static void mtio(int s, unsigned char *buffer, uint32_t operation, uint32_t count) {
    uint32_t body[2] = {htonl(operation), htonl(count)};
    request(s, tape_mtio, body, sizeof body, NULL, 0);
    reply_to(s, buffer, tape_mtio);
}

static int load(char **a, int checking) {
    uint64_t count = strtoull(a[4], 0, 10), record = strtoull(a[5], 0, 10), seed = strtoull(a[6], 0, 10);
    unsigned char *buffer = aligned(largest_message), *pattern = new_pattern(), body[256];
    int s = connect_to(a[2]);
    message_into(s, buffer);
    uint32_t four = htonl(4), one = htonl(1), size = htonl((uint32_t)record);
    request(s, connect_open, &four, 4, NULL, 0);
    reply_to(s, buffer, connect_open);
    memcpy(body, &one, 4);
    size_t n = 4 + put_text(body + 4, "ndmp");
    n += put_text(body + n, "ndmp");
    request(s, client_auth, body, n, NULL, 0);
    reply_to(s, buffer, client_auth);
    n = put_text(body, a[3]);
    memcpy(body + n, &one, 4);
    request(s, tape_open, body, n + 4, NULL, 0);
    reply_to(s, buffer, tape_open);
    mtio(s, buffer, 4, 1);

    int64_t begun = now_ns(), cpu = cpu_us();
    for (uint64_t i = 0; i < count; i++) {
        request(s, tape_write, &size, 4, stamp(pattern, i, seed), record);
        if (ntohl(reply_to(s, buffer, tape_write)[1]) != record) return 1;
    }
    report(begun, now_ns(), cpu_us() - cpu, count * record);

    mtio(s, buffer, 5, 1);
    mtio(s, buffer, 4, 1);
    for (uint64_t i = 0; checking && i < count; i++) {
        request(s, tape_read, &size, 4, NULL, 0);
        uint32_t *answer = reply_to(s, buffer, tape_read);
        if (ntohl(answer[1]) != record || memcmp(answer + 2, stamp(pattern, i, seed), record)) {
            fprintf(stderr, "wrong data in record %llu\n", (unsigned long long)i);
            return 1;
        }
    }
    request(s, tape_close, NULL, 0, NULL, 0);
    reply_to(s, buffer, tape_close);
    request(s, connect_close, NULL, 0, NULL, 0);
    close(s);
    return 0;
}

int main(int count, char **a) {
    if (count == 3 && !strcmp(a[1], "serve")) return serve(a[2]);
    if (count >= 7 && !strcmp(a[1], "load")) {
        if (strtoull(a[5], 0, 10) > block_bytes || strtoull(a[5], 0, 10) % 4) return 2;
        return load(a, count > 7 && !strcmp(a[7], "check"));
    }
    fprintf(stderr, "see the head of requests.c\n");
    return 2;
}
