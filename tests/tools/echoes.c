// SPDX-License-Identifier: GPL-2.0
/*
 * Streams of many senders at once, each with an address of its own, and their echoes.
 *
 *  echoes PORT
 *	answers every datagram with itself.
 *  echoes PORT ADDR PEER_PORT INTERVAL_US FIRST STEP COUNT STATE
 *	COUNT senders, the first at the address FIRST and each STEP after the one before,
 *	each of which sends a numbered datagram to ADDR every INTERVAL_US, one after the
 *	other. SIGUSR1 ends the sending, SIGTERM both; then a line says what came back.
 *	STATE has "SENT RECEIVED" meanwhile, and is made when all have been answered;
 *	what was sent before that counts nowhere.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NUMBERS	65536U	/* of a sender: an hour at 18 a second */
#define GREETING	UINT32_MAX

static volatile sig_atomic_t stop_sending, stop;

struct datagram {
	uint32_t number;
	uint8_t rest[60];
};

struct sender {
	int fd;
	uint32_t sent, highest;	/* number + 1 */
	int64_t last;
	uint8_t heard, seen[NUMBERS / 8];
};

struct figures {
	uint64_t sent, received, duplicated, reordered;
	int64_t worst_gap;
	unsigned int heard;
};

static void on_signal(int number)
{
	stop_sending = 1;
	stop = number == SIGTERM;
}

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int open_socket(struct in_addr addr, const char *port)
{
	struct sockaddr_in self = { .sin_family = AF_INET, .sin_addr = addr,
				    .sin_port = htons((uint16_t)atoi(port)) };
	int size = 4 << 20, fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    bind(fd, (void *)&self, sizeof(self)))
		die("echoes");
	return fd;
}

static void answer(const char *port)
{
	int fd = open_socket((struct in_addr){ 0 }, port);
	struct sockaddr_in from;
	uint8_t data[2048];

	for (;;) {
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, data, sizeof(data), 0, (void *)&from, &len);

		if (n > 0)
			sendto(fd, data, (size_t)n, 0, (void *)&from, len);
	}
}

static void take(struct figures *f, struct sender *s, uint32_t number, int64_t when)
{
	uint8_t bit = 1U << (number % 8), *byte = &s->seen[number / 8 % (NUMBERS / 8)];

	f->heard += !s->heard;
	s->heard = 1;
	if (number == GREETING)
		return;
	f->received++;
	if (*byte & bit)
		f->duplicated++;
	else if (number + 1 < s->highest)
		f->reordered++;
	*byte |= bit;
	if (number + 1 > s->highest)
		s->highest = number + 1;
	if (s->last && when - s->last > f->worst_gap)
		f->worst_gap = when - s->last;
	s->last = when;
}

static void receive(struct figures *f, struct sender *s, int64_t when)
{
	struct datagram d;
	ssize_t n;

	/* An ICMP error is told once, and is not the end. */
	for (;;) {
		n = recv(s->fd, &d, sizeof(d), MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n == sizeof(d))
			take(f, s, d.number, when);
	}
}

static void send_one(struct figures *f, struct sender *s, int begun)
{
	struct datagram d = { .number = begun ? s->sent : GREETING };

	if (s->sent >= NUMBERS)
		return;
	/* What the network does not take counts as lost there. */
	if (send(s->fd, &d, sizeof(d), 0) < 0 && errno == EINTR)
		return;
	s->sent += begun;
	f->sent += begun;
}

static void say(const char *path, const struct figures *f)
{
	char next[4096];
	FILE *file;

	snprintf(next, sizeof(next), "%s.new", path);
	file = fopen(next, "w");
	if (!file)
		die(next);
	fprintf(file, "%llu %llu\n", (unsigned long long)f->sent, (unsigned long long)f->received);
	fclose(file);
	rename(next, path);
}

static void run(struct sender *senders, unsigned int count, int64_t interval, int epoll,
		const char *state, struct figures *f)
{
	int64_t next = now(), said = 0, wait, t;
	struct epoll_event events[64];
	unsigned int turn = 0;
	int n, begun = 0;

	while (!stop) {
		t = now();
		for (; !stop_sending && next <= t; next += interval) {
			begun |= !turn && f->heard == count;
			send_one(f, &senders[turn], begun);
			turn = (turn + 1) % count;
		}
		if (begun && t - said > 50000000) {
			say(state, f);
			said = t;
		}
		wait = stop_sending ? 50000000 : next - now();
		n = epoll_pwait2(epoll, events, 64,
				 &(struct timespec){ .tv_nsec = wait > 0 ? wait : 0 }, NULL);
		t = now();
		for (int i = 0; i < n; i++)
			receive(f, events[i].data.ptr, t);
	}
	say(state, f);
}

int main(int argc, char **argv)
{
	struct sockaddr_in peer = { .sin_family = AF_INET };
	struct figures f = { 0 };
	struct sender *senders;
	struct in_addr first;
	unsigned int count;
	int epoll;

	if (argc == 2)
		answer(argv[1]);
	if (argc != 9 || inet_pton(AF_INET, argv[2], &peer.sin_addr) != 1 ||
	    inet_pton(AF_INET, argv[5], &first) != 1) {
		fprintf(stderr, "usage: echoes PORT [ADDR PEER_PORT INTERVAL_US FIRST STEP COUNT STATE]\n");
		return 2;
	}
	peer.sin_port = htons((uint16_t)atoi(argv[3]));
	count = (unsigned int)atoi(argv[7]);
	senders = calloc(count, sizeof(*senders));
	epoll = epoll_create1(0);
	if (!senders || epoll < 0)
		die("echoes");
	for (unsigned int i = 0; i < count; i++) {
		struct in_addr addr = { htonl(ntohl(first.s_addr) + i * (uint32_t)atoi(argv[6])) };
		struct epoll_event event = { .events = EPOLLIN, .data.ptr = &senders[i] };

		senders[i].fd = open_socket(addr, argv[1]);
		if (connect(senders[i].fd, (void *)&peer, sizeof(peer)) ||
		    epoll_ctl(epoll, EPOLL_CTL_ADD, senders[i].fd, &event))
			die("echoes");
	}
	signal(SIGUSR1, on_signal);
	signal(SIGTERM, on_signal);
	run(senders, count, atoll(argv[4]) * 1000 / count, epoll, argv[8], &f);
	printf("sent=%llu received=%llu duplicated=%llu reordered=%llu worst_gap_us=%lld\n",
	       (unsigned long long)f.sent, (unsigned long long)f.received,
	       (unsigned long long)f.duplicated, (unsigned long long)f.reordered,
	       (long long)f.worst_gap / 1000);
	return 0;
}
