// SPDX-License-Identifier: GPL-2.0
#include "agent/timer.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct agent_timer {
	int fd;
	guint source;
	int64_t at;		/* what the descriptor is set to */
	void (*expired)(void *data);
	void *data;
};

uint64_t agent_timer_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

int64_t agent_timer_now(void)
{
	return (int64_t)(agent_timer_now_ns() / 1000000);
}

static gboolean fire(gint fd, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
	struct agent_timer *timer = data;
	uint64_t times;

	/* Set anew between the alarm and this call: that alarm is void. */
	if (read(fd, &times, sizeof(times)) != sizeof(times))
		return G_SOURCE_CONTINUE;
	timer->at = INT64_MAX;
	timer->expired(timer->data);
	return G_SOURCE_CONTINUE;
}

struct agent_timer *agent_timer_new(void (*expired)(void *data), void *data)
{
	struct agent_timer *timer = g_new0(struct agent_timer, 1);

	timer->fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (timer->fd < 0)
		g_error("no timer: %s; raise the limit of open files", g_strerror(errno));
	timer->at = INT64_MAX;
	timer->expired = expired;
	timer->data = data;
	timer->source = g_unix_fd_add(timer->fd, G_IO_IN, fire, timer);
	return timer;
}

void agent_timer_set(struct agent_timer *timer, int64_t at)
{
	struct itimerspec when = { 0 };

	if (at == timer->at)
		return;
	timer->at = at;
	if (at != INT64_MAX) {
		/* All zero would stop it; a time that has passed fires at once. */
		at = MAX(at, 1);
		when.it_value.tv_sec = at / 1000;
		when.it_value.tv_nsec = at % 1000 * 1000000;
	}
	timerfd_settime(timer->fd, TFD_TIMER_ABSTIME, &when, NULL);
}

void agent_timer_free(struct agent_timer *timer)
{
	if (!timer)
		return;
	g_source_remove(timer->source);
	close(timer->fd);
	g_free(timer);
}
