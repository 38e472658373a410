/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A store in a directory of its own, and a disk under it that can be made to
 * fail: a VFS of SQLite that hands everything on to the real one.
 */
#ifndef TEST_STOREBENCH_H
#define TEST_STOREBENCH_H

#include "controller/store.h"

extern char *store_dir, *store_path;
extern struct rn_store *store;
extern uint64_t store_durable;
extern unsigned int store_failures;
/* What the last opening found. */
extern unsigned int store_mappings, store_gateways;
extern struct rn_store_mapping store_last_mapping;
extern struct rn_store_gateway store_last_gateway;
extern struct rn_store_state store_state;

/* Fixtures: an empty directory, and the end of everything in it. */
void store_setup(void);
void store_teardown(void);

/* NULL when it opened and loaded. */
GError *store_open_error(void);
void store_open(void);
void store_close(void);
void store_expect_refusal(int code);
void store_wait(uint64_t seq);
/* On the closed store. */
void store_sql(const char *text);
int64_t store_number(const char *sql);

struct rn_store_mapping store_mapping(uint64_t id, uint64_t epoch);
uint64_t store_put(uint64_t id, uint64_t epoch);
/* A grant of mapping id to gateway `to` (0: its release), with its event. */
uint64_t store_put_event(uint64_t id, uint64_t epoch, uint32_t to, int64_t time_ns);
uint64_t store_put_gateway(uint32_t number, uint64_t incarnation);
extern uint64_t store_rev;

/* The rows of one page, until the next call. */
const GArray *store_query(const struct rn_store_query *query);
extern struct rn_store_page store_page;

/* The disk. After n more writes (syncs) every one of that kind fails; -1: none. */
extern int store_fail_writes, store_fail_syncs;
/* Every sync of the database itself, which only a checkpoint makes, fails. */
extern bool store_fail_checkpoint;
/* Kinds of calls since they were set to 0. */
extern unsigned int store_writes, store_syncs;

#endif
