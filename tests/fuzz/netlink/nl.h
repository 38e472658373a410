/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Generic netlink by hand, because a library would not let wrong messages through.
 * A socket belongs to the network namespace in which it was opened.
 */
#ifndef _FUZZ_NL_H
#define _FUZZ_NL_H

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

#define NL_MAX 65536

struct nl {
	int fd;
	uint16_t family;
	uint32_t seq, portid;
};

struct nl_buf {
	uint8_t data[NL_MAX];
	size_t len;
	struct nlmsghdr *msg;		/* the last one begun */
};

/* 0 or -errno; -ENOENT: there is no family "roamnat". */
int nl_open(struct nl *nl);
void nl_close(struct nl *nl);

/* Several messages may be begun in one buffer; each ends where the next begins. */
void nl_begin(struct nl *nl, struct nl_buf *b, uint8_t cmd, uint16_t flags);
void nl_put(struct nl_buf *b, uint16_t type, const void *data, size_t len);
void nl_put_u16(struct nl_buf *b, uint16_t type, uint16_t value);
void nl_put_u32(struct nl_buf *b, uint16_t type, uint32_t value);
void nl_put_u64(struct nl_buf *b, uint16_t type, uint64_t value);
size_t nl_nest(struct nl_buf *b, uint16_t type);
void nl_nest_end(struct nl_buf *b, size_t nest);

/*
 * Sends and waits for what is answered, up to the acknowledgment or the end of a
 * dump. 0 or the -errno in it; -errno of the socket otherwise. The attributes of
 * each answer go to @answer, one after the other, unless it is NULL.
 */
int nl_call(struct nl *nl, struct nl_buf *b, struct nl_buf *answer);

/* The first attribute of that type in @len bytes, or NULL. */
const struct nlattr *nl_find(const void *attrs, size_t len, uint16_t type);
uint64_t nl_number(const struct nlattr *attr);

#endif
