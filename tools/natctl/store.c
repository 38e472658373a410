// SPDX-License-Identifier: GPL-2.0
/*
 * natctl store: copies of the controller's store, made while it runs.
 */
#include "client.h"

static void take_reply(struct natctl *ctl, const RnReply *reply, void *data)
{
	rn_client_print_result(ctl, "backup", reply->text);
}

static gboolean store_backup(struct natctl *ctl, struct rn_args *args, GError **error)
{
	const char *file = rn_args_value(args, "backup", error);
	RnRequest request = ROAMNAT__CONTROL__V1__REQUEST__INIT;
	g_autofree char *path = NULL;

	if (!file || !rn_args_end(args, error))
		return FALSE;
	/* The controller has another directory than we. */
	path = g_canonicalize_filename(file, NULL);
	request.verb = ROAMNAT__CONTROL__V1__REQUEST__VERB__STORE_BACKUP;
	request.file = path;
	request.timeout_ms = ctl->timeout_ms ? ctl->timeout_ms : RN_CLIENT_TIMEOUT_WAIT;
	return rn_client_call(ctl, RN_DAEMON_CONTROLLER, &request, FALSE, take_reply, NULL, error);
}

static const struct rn_command commands[] = {
	{ "backup", store_backup, 0 },
	{ NULL, NULL, 0 },
};

const struct rn_object rn_object_store = {
	.name = "store",
	.commands = commands,
	.usage = "natctl store backup FILE\n",
};
