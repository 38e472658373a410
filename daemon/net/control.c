// SPDX-License-Identifier: GPL-2.0
/* The listening end of the control socket, and who may come in. */
#include "net/control_priv.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/log.h"

#define PAUSE_US	(100 * 1000)	/* without file descriptors */

struct control_source {
	GSource source;
	struct rn_control *control;
};

static gboolean fail(GError **error, const char *path, const char *what, int err)
{
	g_set_error(error, RN_CONTROL_ERROR, RN_CONTROL_ERROR_REACH, "%s: %s%s%s", path, what,
		    err ? ": " : "", err ? g_strerror(err) : "");
	return FALSE;
}

/* A socket file is left over by a daemon that was killed. Only one that nobody
 * listens at may go.
 */
static gboolean remove_stale(const struct sockaddr_un *at, GError **error)
{
	struct stat st;
	int fd, rc, err;

	if (lstat(at->sun_path, &st) < 0)
		return errno == ENOENT || fail(error, at->sun_path, "cannot be looked at", errno);
	if (!S_ISSOCK(st.st_mode))
		return fail(error, at->sun_path, "is there and no socket; move it away", 0);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(error, at->sun_path, "no socket", errno);
	rc = connect(fd, (const struct sockaddr *)at, sizeof(*at));
	err = errno;
	close(fd);
	if (!rc || err != ECONNREFUSED)
		return fail(error, at->sun_path, "a daemon serves it already; stop that one", 0);
	if (unlink(at->sun_path) < 0 && errno != ENOENT)
		return fail(error, at->sun_path, "cannot remove the old socket", errno);
	return TRUE;
}

/* systemd makes the directory (RuntimeDirectory=); by hand nobody does. */
static gboolean make_directory(const char *path, GError **error)
{
	g_autofree char *dir = g_path_get_dirname(path);

	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return fail(error, dir, "cannot make the directory of the control socket", errno);
	return TRUE;
}

static int bind_private(const struct sockaddr_un *at, GError **error)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), rc, err;
	mode_t mask;

	if (fd < 0) {
		fail(error, at->sun_path, "no socket", errno);
		return -1;
	}
	/* Mode 0600 from the first moment on. */
	mask = umask(0177);
	rc = bind(fd, (const struct sockaddr *)at, sizeof(*at));
	err = errno;
	umask(mask);
	if (rc < 0 || listen(fd, RN_CONTROL_CLIENTS_MAX) < 0) {
		fail(error, at->sun_path, "cannot listen", rc < 0 ? err : errno);
		close(fd);
		return -1;
	}
	return fd;
}

static void take(struct rn_control *control, int fd)
{
	struct ucred cred = { 0 };
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 ||
	    (cred.uid != 0 && cred.uid != geteuid())) {
		rn_warn("control socket: uid %u is neither root nor ours, refused", cred.uid);
		close(fd);
	} else if (g_hash_table_size(control->clients) >= RN_CONTROL_CLIENTS_MAX) {
		rn_warn("control socket: %d clients are there already, pid %d refused",
			RN_CONTROL_CLIENTS_MAX, cred.pid);
		close(fd);
	} else {
		rn_control_client_add(control, fd, cred.uid, cred.pid);
	}
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
	struct rn_control *control = ((struct control_source *)source)->control;
	int fd;

	g_source_set_ready_time(source, -1);
	g_source_modify_unix_fd(source, control->tag, G_IO_IN);
	fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0) {
		take(control, fd);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		g_source_modify_unix_fd(source, control->tag, 0);
		g_source_set_ready_time(source, g_get_monotonic_time() + PAUSE_US);
	}
	return G_SOURCE_CONTINUE;
}

struct rn_control *rn_control_new(const char *path, const struct rn_control_ops *ops,
				  void *data, GError **error)
{
	static GSourceFuncs funcs = { .dispatch = dispatch };
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct rn_control *control;
	struct stat st = { 0 };
	int fd;

	if (g_strlcpy(at.sun_path, path, sizeof(at.sun_path)) >= sizeof(at.sun_path)) {
		fail(error, path, "the path is too long for a socket", 0);
		return NULL;
	}
	if (!make_directory(path, error) || !remove_stale(&at, error))
		return NULL;
	fd = bind_private(&at, error);
	if (fd < 0)
		return NULL;
	stat(path, &st);
	control = g_new0(struct rn_control, 1);
	control->fd = fd;
	control->path = g_strdup(path);
	control->dev = st.st_dev;
	control->ino = st.st_ino;
	control->ops = ops;
	control->data = data;
	control->clients = g_hash_table_new_full(NULL, NULL, rn_control_client_drop, NULL);
	control->source = g_source_new(&funcs, sizeof(struct control_source));
	((struct control_source *)control->source)->control = control;
	control->tag = g_source_add_unix_fd(control->source, fd, G_IO_IN);
	g_source_attach(control->source, g_main_context_get_thread_default());
	return control;
}

void rn_control_free(struct rn_control *control)
{
	struct stat st;

	if (!control)
		return;
	g_hash_table_unref(control->clients);
	g_source_destroy(control->source);
	g_source_unref(control->source);
	close(control->fd);
	if (!stat(control->path, &st) && st.st_dev == control->dev && st.st_ino == control->ino)
		unlink(control->path);
	g_free(control->path);
	g_free(control);
}
