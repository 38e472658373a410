// SPDX-License-Identifier: GPL-2.0
/*
 * One end of two streams of numbered datagrams, and what became of the one that
 * comes in, by the kernel's time stamps.
 *
 *  stream PORT ADDR PEER_PORT INTERVAL_US STATE
 *
 * Sends from PORT to ADDR, one datagram each INTERVAL_US; what is late is made up
 * for, so that the rate is kept. The stream begins when the other end has been heard:
 * until then there are greetings, which do not count. SIGUSR1 ends the sending,
 * SIGTERM both; then a line says what was seen. STATE has "SENT RECEIVED" meanwhile.
 * At SIGUSR2 a line of STATE.gaps says the worst gap since the last one, of what came
 * and of what was sent, in us.
 * Both ends are on one machine, so that they have one clock.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NUMBERS	(1U << 24)	/* four hours at 1000 a second */
#define PAYLOAD	64
#define GREETING	UINT64_MAX	/* instead of a number */

static volatile sig_atomic_t stop_sending, stop, mark;
static uint8_t seen[NUMBERS / 8];

struct datagram {
	uint64_t number;
	int64_t sent;		/* ns, CLOCK_REALTIME */
	uint8_t rest[PAYLOAD - 16];
};

struct figures {
	uint64_t sent, received, duplicated, reordered;
	uint64_t highest;	/* number + 1 */
	int64_t last, last_sent;
	int64_t worst_gap, worst_send_gap, worst_delay;
	int64_t gap, send_gap;	/* worst since the last mark */
	int heard;		/* the other end is there */
};

static void on_mark(int number)
{
	(void)number;
	mark = 1;
}

static void on_signal(int number)
{
	stop_sending = 1;
	stop = number == SIGTERM;
}

/* The gap from *last to when, which is its end then. */
static void note_gap(int64_t *last, int64_t when, int64_t *marked, int64_t *worst)
{
	int64_t gap = *last ? when - *last : 0;

	*last = when;
	if (gap > *marked)
		*marked = gap;
	if (gap > *worst)
		*worst = gap;
}

static int64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void take(struct figures *f, const struct datagram *d, int64_t when)
{
	uint8_t bit = 1U << (d->number % 8), *byte = &seen[d->number / 8 % (NUMBERS / 8)];

	f->heard = 1;
	if (d->number == GREETING)
		return;
	f->received++;
	if (*byte & bit)
		f->duplicated++;
	else if (d->number + 1 < f->highest)
		f->reordered++;
	*byte |= bit;
	if (d->number + 1 > f->highest)
		f->highest = d->number + 1;
	note_gap(&f->last, when, &f->gap, &f->worst_gap);
	if (when - d->sent > f->worst_delay)
		f->worst_delay = when - d->sent;
}

static int64_t stamp_of(struct msghdr *msg)
{
	struct cmsghdr *c;
	struct timespec ts;

	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
			memcpy(&ts, CMSG_DATA(c), sizeof(ts));
			return ts.tv_sec * 1000000000LL + ts.tv_nsec;
		}
	return now(CLOCK_REALTIME);
}

static void receive(int fd, struct figures *f)
{
	char control[CMSG_SPACE(sizeof(struct timespec))];
	struct datagram d;
	struct iovec iov = { &d, sizeof(d) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	for (;;) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		/* An ICMP error is told once, and is not the end. */
		if (recvmsg(fd, &msg, MSG_DONTWAIT) < 0) {
			if (errno == EAGAIN)
				return;
			continue;
		}
		take(f, &d, stamp_of(&msg));
	}
}

static void send_one(int fd, struct figures *f)
{
	struct datagram d = {
		.number = f->heard ? f->sent : GREETING,
		.sent = now(CLOCK_REALTIME),
	};

	if (!f->heard) {
		if (send(fd, &d, sizeof(d), 0) < 0)
			perror("stream: not there yet");
		return;
	}
	note_gap(&f->last_sent, d.sent, &f->send_gap, &f->worst_send_gap);
	/* What the network does not take counts as lost there. */
	if (send(fd, &d, sizeof(d), 0) < 0 && errno == EINTR)
		return;
	f->sent++;
}

static void say(int fd, const struct figures *f)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%llu %llu\n", (unsigned long long)f->sent,
			 (unsigned long long)f->received);

	if (pwrite(fd, text, (size_t)n, 0) != n)
		perror("stream: state");
}

static void say_gaps(int fd, struct figures *f)
{
	dprintf(fd, "%lld %lld\n", (long long)f->gap / 1000, (long long)f->send_gap / 1000);
	f->gap = 0;
	f->send_gap = 0;
	mark = 0;
}

static int open_state(const char *path, const char *suffix)
{
	char name[4096];
	int fd;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0644);
	if (fd < 0) {
		perror(name);
		exit(1);
	}
	return fd;
}

static int open_socket(char **argv)
{
	struct sockaddr_in self = { .sin_family = AF_INET }, peer = self;
	int one = 1, size = 4 << 20, fd = socket(AF_INET, SOCK_DGRAM, 0);

	self.sin_port = htons((uint16_t)atoi(argv[1]));
	peer.sin_port = htons((uint16_t)atoi(argv[3]));
	if (fd < 0 || inet_pton(AF_INET, argv[2], &peer.sin_addr) != 1 ||
	    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    bind(fd, (void *)&self, sizeof(self)) || connect(fd, (void *)&peer, sizeof(peer))) {
		perror("stream");
		exit(1);
	}
	return fd;
}

static void run(int fd, int state, int gaps, int64_t interval, struct figures *f)
{
	int64_t next = now(CLOCK_MONOTONIC), said = 0, wait, t;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (!stop) {
		t = now(CLOCK_MONOTONIC);
		while (!stop_sending && next <= t && f->sent < NUMBERS) {
			send_one(fd, f);
			next += interval;
		}
		receive(fd, f);
		if (mark)
			say_gaps(gaps, f);
		if (t - said > 50000000) {
			say(state, f);
			said = t;
		}
		wait = stop_sending ? 50000000 : next - now(CLOCK_MONOTONIC);
		if (wait > 0)
			ppoll(&p, 1, &(struct timespec){ .tv_nsec = wait }, NULL);
	}
	receive(fd, f);
}

int main(int argc, char **argv)
{
	struct figures f = { 0 };
	int fd, state, gaps;

	if (argc != 6) {
		fprintf(stderr, "usage: stream PORT ADDR PEER_PORT INTERVAL_US STATE\n");
		return 2;
	}
	fd = open_socket(argv);
	state = open_state(argv[5], "");
	gaps = open_state(argv[5], ".gaps");
	signal(SIGUSR1, on_signal);
	signal(SIGUSR2, on_mark);
	signal(SIGTERM, on_signal);
	run(fd, state, gaps, atoll(argv[4]) * 1000, &f);
	say(state, &f);
	printf("sent=%llu received=%llu duplicated=%llu reordered=%llu worst_gap_us=%lld worst_send_gap_us=%lld worst_delay_us=%lld\n",
	       (unsigned long long)f.sent, (unsigned long long)f.received,
	       (unsigned long long)f.duplicated, (unsigned long long)f.reordered,
	       (long long)f.worst_gap / 1000, (long long)f.worst_send_gap / 1000,
	       (long long)f.worst_delay / 1000);
	return 0;
}
