// SPDX-License-Identifier: GPL-2.0
#include "base/wake.h"

void rn_wake_at(GSource *source, gint64 us)
{
	gint64 is = g_source_get_ready_time(source);

	if (is > g_get_monotonic_time() && (us < 0 || us >= is))
		return;
	g_source_set_ready_time(source, us);
}
