// SPDX-License-Identifier: GPL-2.0
#include "base/failpoint.h"

#ifdef RN_FAILPOINTS
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern const char __start_rn_failpoints[], __stop_rn_failpoints[];

static struct rn_failpoint_armed own;
static struct rn_failpoint_armed *armed = &own;

void rn_failpoint_reach(const char *name)
{
	if (__atomic_load_n(&armed->state, __ATOMIC_ACQUIRE) != RN_FAILPOINT_ARMED ||
	    strncmp(armed->name, name, sizeof(armed->name)))
		return;
	/* Threads pass here too; one of them is the last. */
	if (__atomic_sub_fetch(&armed->left, 1, __ATOMIC_ACQ_REL))
		return;
	__atomic_store_n(&armed->state, RN_FAILPOINT_HIT, __ATOMIC_RELEASE);
	kill(getpid(), (int)armed->signal);
}

/* The linker aligns them, so there may be zeroes between two. */
static void list(void)
{
	const char *p = __start_rn_failpoints;

	while (p < __stop_rn_failpoints) {
		if (*p)
			puts(p);
		p += strlen(p) + 1;
	}
	fflush(stdout);
	_exit(0);
}

static void arm(const char *text)
{
	const char *action = strchr(text, '='), *count = strchr(text, ':');
	size_t n = strcspn(text, ":=");

	if (n >= sizeof(armed->name)) {
		fprintf(stderr, "RN_FAILPOINT: the name is too long\n");
		_exit(2);
	}
	memset(armed, 0, sizeof(*armed));
	memcpy(armed->name, text, n);
	armed->left = count ? (uint32_t)strtoul(count + 1, NULL, 10) : 1;
	armed->signal = action && !strcmp(action, "=stop") ? SIGSTOP : SIGKILL;
	__atomic_store_n(&armed->state, RN_FAILPOINT_ARMED, __ATOMIC_RELEASE);
}

/* Before main, so that the start itself can have points. */
static void __attribute__((constructor)) init(void)
{
	const char *text = getenv("RN_FAILPOINT"), *path = getenv("RN_FAILPOINT_FILE");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *shared = MAP_FAILED;

	if (text && !strcmp(text, "list"))
		list();
	if (fd >= 0) {
		shared = mmap(NULL, sizeof(*armed), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
	}
	if (path && shared == MAP_FAILED) {
		fprintf(stderr, "RN_FAILPOINT_FILE: %s cannot be mapped\n", path);
		_exit(2);
	}
	if (path)
		armed = shared;
	if (text)
		arm(text);
}
#endif
