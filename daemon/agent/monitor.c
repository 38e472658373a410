// SPDX-License-Identifier: GPL-2.0
/* MONITOR: events to whoever listens, and how many of them he was too slow for. */
#include <time.h>
#include "agent/api_priv.h"
#include "agent/counters.h"

struct monitor {
	struct agent_call base;
	struct agent_api *api;
	uint64_t lost;
};

static uint64_t realtime_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static gboolean send_event(struct monitor *monitor, RnEvent *event)
{
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;

	reply.n_events = 1;
	reply.events = &event;
	return rn_control_reply(monitor->base.call, &reply);
}

static void tell_loss(struct monitor *monitor)
{
	g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT
						" events were lost because they were not read",
						monitor->lost);
	RnEvent event = ROAMNAT__CONTROL__V1__EVENT__INIT;

	event.rev = monitor->api->rev;
	event.time_ns = realtime_ns();
	event.what = (char *)"lost";
	event.text = text;
	event.gateway = (char *)monitor->api->config->name;
	if (send_event(monitor, &event))
		monitor->lost = 0;
}

static void monitor_drained(struct agent_call *base)
{
	struct monitor *monitor = (struct monitor *)base;

	if (monitor->lost)
		tell_loss(monitor);
}

static void monitor_free(struct agent_call *base)
{
	struct monitor *monitor = (struct monitor *)base;

	g_ptr_array_remove_fast(monitor->api->monitors, monitor);
	g_free(monitor);
}

void agent_monitor_begin(struct agent_api *api, struct rn_control_call *call)
{
	struct monitor *monitor = g_new0(struct monitor, 1);

	monitor->base = (struct agent_call) { call, monitor_drained, monitor_free };
	monitor->api = api;
	g_ptr_array_add(api->monitors, monitor);
	rn_control_set_user(call, monitor);
}

void agent_monitor_tell(struct agent_api *api, RnEvent *event)
{
	api->rev++;
	if (!api->monitors->len)
		return;
	event->rev = api->rev;
	event->time_ns = realtime_ns();
	event->gateway = (char *)api->config->name;
	for (guint i = 0; i < api->monitors->len; i++) {
		struct monitor *monitor = api->monitors->pdata[i];

		/* While some are missing, those after them are too. */
		if (!monitor->lost && send_event(monitor, event))
			continue;
		monitor->lost++;
		agent_counters_add(AGENT_MONITOR_LOST, 1);
	}
}
