// SPDX-License-Identifier: GPL-2.0
#include "agent/peer.h"

#include <string.h>
#include "agent/counters.h"
#include "base/log.h"
#include "base/random.h"
#include "net/conn.h"

#define PENDING_MAX	64	/* connections that have not said who they are */
#define SILENCE_MS	5000
#define PING_MS		1000

struct peer {
	struct agent_peers *peers;
	uint32_t number;
	char *name, *identity, *endpoint;
	guint seen;		/* generation in which the controller named it */

	struct rn_dialer *dialer;
	struct rn_conn *out;	/* the dialer's, while it is connected */
	gboolean out_up;	/* ... and was accepted */
	uint64_t nonce;		/* of our HELLO on it */
	struct link *in;	/* its connection to us, after its HELLO */
};

/* A connection that somebody made to us. */
struct link {
	struct agent_peers *peers;
	struct rn_conn *conn;
	struct peer *peer;	/* NULL before HELLO, and when it is being closed */
	gboolean closing;
};

struct agent_peers {
	const struct agent_config *config;
	struct rn_tls *tls;
	struct agent_core *core;
	struct rn_listener *listener;
	GHashTable *by_number;		/* owns the peers */
	GHashTable *by_identity;
	GHashTable *links;		/* set of struct link, owned */
	guint generation;
	guint ping;
};

/* For connections that end after those who knew them: tells nobody. */
static const struct rn_conn_ops mute_ops;

/* ---- what peers may say ---- */

static void refuse_transfer(struct rn_conn *conn, const struct rn_msg *xfer)
{
	struct rn_msg ack = { .type = RN_MSG_XFER_ACK, .code = RN_CODE_UNKNOWN_VM,
			      .id = xfer->id, .epoch = xfer->epoch, .nonce = xfer->nonce,
			      .vm = xfer->vm };
	char vm[RN_SIDE_TEXT];

	g_snprintf(ack.text, sizeof(ack.text), "%s is in no inside prefix of this gateway",
		   rn_private_print(&xfer->vm, vm));
	rn_notice("transfer refused: %s; add its prefix to agent.conf if the VM is to move here",
		  ack.text);
	agent_counters_add(AGENT_TRANSFERS_NOT_INSIDE, 1);
	rn_conn_send(conn, &ack);
}

/* False when the peer may not say that. */
static gboolean take(struct peer *peer, struct rn_conn *conn, const struct rn_msg *msg)
{
	struct rn_msg pong = { .type = RN_MSG_PONG, .nonce = msg->nonce };

	switch (msg->type) {
	case RN_MSG_PING:
		rn_conn_send(conn, &pong);
		return TRUE;
	case RN_MSG_PONG:
		return TRUE;
	case RN_MSG_DENY:
		/* Its decoder did not like a message of ours; decides nothing. */
		rn_notice("gateway %s refused a message: %s", peer->name, msg->text);
		return TRUE;
	case RN_MSG_XFER:
		if (agent_config_covers(peer->peers->config, &msg->vm))
			agent_core_transfer(peer->peers->core, peer->number, msg,
					    rn_conn_bindings(conn));
		else
			refuse_transfer(conn, msg);
		return TRUE;
	case RN_MSG_XFER_ACK:
		agent_core_message(peer->peers->core, peer->number, msg);
		return TRUE;
	}
	agent_counters_add(AGENT_MESSAGES_FORBIDDEN, 1);
	rn_warn("alarm: gateway %s sent %s, which only the controller may; connection closed",
		peer->name, rn_msg_type_to_string(msg->type));
	return FALSE;
}

/* ---- connections that we made ---- */

static void out_up(struct rn_conn *conn, void *data)
{
	struct peer *peer = data;
	struct rn_msg hello = { .type = RN_MSG_HELLO, .version = RN_PROTO_VERSION };

	peer->out = conn;
	peer->out_up = FALSE;
	peer->nonce = rn_random();
	hello.mode = peer->peers->config->mode;
	hello.nonce = peer->nonce;
	g_strlcpy(hello.name, peer->peers->config->name, sizeof(hello.name));
	rn_conn_set_idle_timeout(conn, SILENCE_MS);
	rn_conn_send(conn, &hello);
}

static void out_message(struct rn_conn *conn, const struct rn_msg *msg, void *data)
{
	struct peer *peer = data;

	if (peer->out_up) {
		if (!take(peer, conn, msg))
			rn_conn_close(conn);
		return;
	}
	if (msg->type == RN_MSG_PING || msg->type == RN_MSG_PONG)
		return;
	if (msg->type != RN_MSG_HELLO_ACK || msg->nonce != peer->nonce || msg->code) {
		/* Likely the controller has not yet named us to it. */
		rn_info("gateway %s does not take our connection: %s", peer->name,
			msg->text[0] ? msg->text : rn_code_to_sentence(msg->code));
		rn_conn_close(conn);
		return;
	}
	peer->out_up = TRUE;
	rn_dialer_established(peer->dialer);
	rn_info("connected to gateway %s", peer->name);
}

static void out_down(struct rn_conn *conn G_GNUC_UNUSED, const GError *reason, void *data)
{
	struct peer *peer = data;

	if (peer->out_up)
		rn_info("connection to gateway %s ended%s%s", peer->name, reason ? ": " : "",
			reason ? reason->message : "");
	else if (reason)
		rn_debug("no connection to gateway %s: %s", peer->name, reason->message);
	peer->out = NULL;
	peer->out_up = FALSE;
}

static const struct rn_conn_ops out_ops = {
	.up = out_up,
	.message = out_message,
	.down = out_down,
	.transfers = TRUE,
};

/* ---- connections that were made to us ---- */

static void close_link(struct link *link)
{
	if (link->peer && link->peer->in == link)
		link->peer->in = NULL;
	link->peer = NULL;
	link->closing = TRUE;
	rn_conn_close(link->conn);
}

static void answer_hello(struct link *link, const struct rn_msg *hello)
{
	struct agent_peers *peers = link->peers;
	const char *identity = rn_conn_identity(link->conn);
	struct peer *peer = identity ? g_hash_table_lookup(peers->by_identity, identity) : NULL;
	struct rn_msg ack = { .type = RN_MSG_HELLO_ACK, .version = RN_PROTO_VERSION,
			      .mode = peers->config->mode, .nonce = hello->nonce };

	if (!peer)
		ack.code = RN_CODE_UNKNOWN_GATEWAY;
	else if (hello->version != RN_PROTO_VERSION)
		ack.code = RN_CODE_VERSION;
	if (ack.code) {
		g_snprintf(ack.text, sizeof(ack.text), "%s", peer ?
			   "the other gateway speaks another version of the protocol" :
			   "the controller has not named this identity to the other gateway");
		agent_counters_add(AGENT_PEERS_REFUSED, 1);
		rn_info("connection of %s from %s refused: %s", identity ? identity : "nobody",
			rn_conn_peer(link->conn), ack.text);
		rn_conn_send(link->conn, &ack);
		close_link(link);
		return;
	}
	ack.gateway = peer->number;
	if (peer->in)
		close_link(peer->in);		/* the newest wins */
	link->peer = peer;
	peer->in = link;
	rn_conn_established(link->conn);
	rn_conn_send(link->conn, &ack);
	rn_info("gateway %s connected from %s", peer->name, rn_conn_peer(link->conn));
}

static void in_up(struct rn_conn *conn, void *data G_GNUC_UNUSED)
{
	rn_conn_set_idle_timeout(conn, SILENCE_MS);
}

static void in_message(struct rn_conn *conn, const struct rn_msg *msg, void *data)
{
	struct link *link = data;

	if (link->closing)
		return;
	if (link->peer) {
		if (!take(link->peer, conn, msg))
			close_link(link);
		return;
	}
	if (msg->type == RN_MSG_HELLO) {
		answer_hello(link, msg);
		return;
	}
	agent_counters_add(AGENT_MESSAGES_FORBIDDEN, 1);
	close_link(link);
}

static void in_down(struct rn_conn *conn G_GNUC_UNUSED, const GError *reason, void *data)
{
	struct link *link = data;

	if (link->peer)
		rn_info("gateway %s closed its connection%s%s", link->peer->name,
			reason ? ": " : "", reason ? reason->message : "");
	else if (reason)
		rn_debug("a connection to us ended: %s", reason->message);
	if (link->peer && link->peer->in == link)
		link->peer->in = NULL;
	g_hash_table_remove(link->peers->links, link);
}

static const struct rn_conn_ops in_ops = {
	.up = in_up,
	.message = in_message,
	.down = in_down,
	.transfers = TRUE,
};

static void accepted(struct rn_conn *conn, void *data)
{
	struct agent_peers *peers = data;
	struct link *link = g_new0(struct link, 1);

	link->peers = peers;
	link->conn = conn;
	g_hash_table_add(peers->links, link);
	rn_conn_set_ops(conn, &in_ops, link);
}

/* ---- who they are ---- */

static void stop_dialing(struct peer *peer)
{
	peer->out = NULL;
	peer->out_up = FALSE;
	g_clear_pointer(&peer->dialer, rn_dialer_free);
}

static void peer_free(void *data)
{
	struct peer *peer = data;

	stop_dialing(peer);
	if (peer->in)
		close_link(peer->in);
	g_free(peer->name);
	g_free(peer->identity);
	g_free(peer->endpoint);
	g_free(peer);
}

static void remove_peer(struct agent_peers *peers, struct peer *peer)
{
	rn_info("gateway %s is no peer any more", peer->name);
	if (g_hash_table_lookup(peers->by_identity, peer->identity) == peer)
		g_hash_table_remove(peers->by_identity, peer->identity);
	g_hash_table_remove(peers->by_number, &peer->number);
}

static void add_peer(struct agent_peers *peers, const struct rn_msg *msg)
{
	struct peer *peer = g_new0(struct peer, 1);

	peer->peers = peers;
	peer->number = msg->gateway;
	peer->name = g_strdup(msg->name);
	peer->identity = g_strdup(msg->identity);
	peer->endpoint = g_strdup(msg->text);
	peer->seen = peers->generation;
	g_hash_table_replace(peers->by_number, &peer->number, peer);
	g_hash_table_replace(peers->by_identity, peer->identity, peer);
	peer->dialer = rn_dialer_new(peers->tls, peer->endpoint, peer->identity, &out_ops, peer);
	rn_info("gateway %s is a peer, at %s", peer->name, peer->endpoint);
}

void agent_peer_named(struct agent_peers *peers, uint32_t self, const struct rn_msg *msg)
{
	struct peer *peer = g_hash_table_lookup(peers->by_number, &msg->gateway);

	if (!msg->gateway || msg->gateway == self)
		return;
	if (peer && msg->text[0] && !strcmp(peer->name, msg->name) &&
	    !strcmp(peer->identity, msg->identity) && !strcmp(peer->endpoint, msg->text)) {
		peer->seen = peers->generation;
		return;
	}
	if (peer)
		remove_peer(peers, peer);
	if (msg->text[0] && msg->identity[0])
		add_peer(peers, msg);
}

void agent_peer_begin(struct agent_peers *peers)
{
	peers->generation++;
}

void agent_peer_done(struct agent_peers *peers)
{
	g_autoptr(GList) all = g_hash_table_get_values(peers->by_number);

	for (GList *l = all; l; l = l->next) {
		struct peer *peer = l->data;

		if (peer->seen != peers->generation)
			remove_peer(peers, peer);
	}
}

gboolean agent_peer_send(struct agent_peers *peers, uint32_t to, const struct rn_msg *msg,
			 const struct rn_bindings *bindings)
{
	struct peer *peer = g_hash_table_lookup(peers->by_number, &to);

	if (!peer)
		return FALSE;
	if (peer->out_up && rn_conn_send_with(peer->out, msg, bindings))
		return TRUE;
	return peer->in && rn_conn_send_with(peer->in->conn, msg, bindings);
}

const char *agent_peer_name(struct agent_peers *peers, uint32_t number)
{
	struct peer *peer = g_hash_table_lookup(peers->by_number, &number);

	return peer ? peer->name : NULL;
}

uint32_t agent_peer_number(struct agent_peers *peers, const char *name)
{
	GHashTableIter iter;
	void *value;

	g_hash_table_iter_init(&iter, peers->by_number);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct peer *peer = value;

		if (!strcmp(peer->name, name))
			return peer->number;
	}
	return 0;
}

guint agent_peer_count(struct agent_peers *peers, guint *connected)
{
	GHashTableIter iter;
	void *value;

	*connected = 0;
	g_hash_table_iter_init(&iter, peers->by_number);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct peer *peer = value;

		*connected += peer->out_up || peer->in;
	}
	return g_hash_table_size(peers->by_number);
}

/* ---- the whole ---- */

static gboolean ping_all(gpointer data)
{
	struct rn_msg ping = { .type = RN_MSG_PING };
	struct agent_peers *peers = data;
	GHashTableIter iter;
	void *value;

	g_hash_table_iter_init(&iter, peers->by_number);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct peer *peer = value;

		if (peer->out_up)
			rn_conn_send(peer->out, &ping);
		if (peer->in)
			rn_conn_send(peer->in->conn, &ping);
	}
	return G_SOURCE_CONTINUE;
}

struct agent_peers *agent_peer_new(const struct agent_config *config, struct rn_tls *tls,
				   struct agent_core *core, GError **error)
{
	struct agent_peers *peers = g_new0(struct agent_peers, 1);

	peers->config = config;
	peers->tls = tls;
	peers->core = core;
	peers->by_number = g_hash_table_new_full(g_int_hash, g_int_equal, NULL, peer_free);
	peers->by_identity = g_hash_table_new(g_str_hash, g_str_equal);
	peers->links = g_hash_table_new_full(NULL, NULL, g_free, NULL);
	peers->listener = rn_listener_new(tls, config->listen, PENDING_MAX, accepted, peers, error);
	if (!peers->listener) {
		g_prefix_error(error, "[agent] listen=%s: ", config->listen);
		agent_peer_free(peers);
		return NULL;
	}
	peers->ping = g_timeout_add(PING_MS, ping_all, peers);
	return peers;
}

void agent_peer_free(struct agent_peers *peers)
{
	GHashTableIter iter;
	void *key;

	if (!peers)
		return;
	g_clear_handle_id(&peers->ping, g_source_remove);
	g_clear_pointer(&peers->listener, rn_listener_free);
	g_hash_table_unref(peers->by_identity);
	g_hash_table_unref(peers->by_number);
	g_hash_table_iter_init(&iter, peers->links);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		struct link *link = key;

		rn_conn_set_ops(link->conn, &mute_ops, NULL);
		if (!link->closing)
			rn_conn_close(link->conn);
	}
	g_hash_table_unref(peers->links);
	g_free(peers);
}
