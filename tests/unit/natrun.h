/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Runs natctl in this process. The daemon is a thread that takes one request
 * from a unix socket and answers with the frames that the test prepared.
 */
#ifndef TEST_NATRUN_H
#define TEST_NATRUN_H

#include "../../tools/natctl/client.h"

/* One run of natctl. */
struct run {
	int rc;
	char *out;
	char *err;
};

/* The daemon's side. */
struct fake {
	char *dir;
	char *path;
	int fd;
	GPtrArray *frames;	/* GBytes to answer with */
	gboolean silent;	/* takes the request and says nothing until the client goes */
	GThread *thread;
	RnRequest *request;	/* what came, after fake_stop */
};

#define MAPPING_LINE "203.0.113.7 private 10.0.0.5 zone 1 owner gw1 epoch 3 state granted " \
	"idle preset 60s elapsed 20s remaining 40s"

/* line is split like a shell would. */
struct run run_line(const char *line);
void run_clear(struct run *run);
void fake_start(struct fake *fake);
/* Appends to what it answers with. */
void fake_answer(struct fake *fake, const RnReply *reply);
/* natctl with this line, against the daemon. */
struct run fake_run(struct fake *fake, const char *line);
void fake_stop(struct fake *fake);
void init_mapping(RnMapping *m);
/* A daemon that answers with one mapping, the one of MAPPING_LINE. */
void fake_start_mapping(struct fake *fake);

#endif
