// SPDX-License-Identifier: GPL-2.0
/* See natrun.h. */
#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "natrun.h"
#include "net/frame.h"

static struct run run_argv(int argc, char **argv)
{
	struct run run = { 0 };
	size_t out_len, err_len;
	FILE *out = open_memstream(&run.out, &out_len);
	FILE *err = open_memstream(&run.err, &err_len);

	ck_assert(out && err);
	run.rc = rn_natctl_run(argc, argv, out, err);
	fclose(out);
	fclose(err);
	return run;
}

struct run run_line(const char *line)
{
	g_auto(GStrv) words = NULL;
	g_autofree char *full = g_strdup_printf("natctl %s", line);
	int n;

	ck_assert(g_shell_parse_argv(full, &n, &words, NULL));
	return run_argv(n, words);
}

void run_clear(struct run *run)
{
	free(run->out);
	free(run->err);
}

static void fake_write(int fd, GBytes *frame)
{
	guint8 head[RN_FRAME_HEAD];
	gsize len;
	const void *body = g_bytes_get_data(frame, &len);

	rn_frame_put_head(head, len);
	if (write(fd, head, sizeof(head)) < 0 || write(fd, body, len) < 0)
		return;		/* the client left early */
}

static gpointer fake_serve(gpointer data)
{
	struct fake *fake = data;
	guint8 head[RN_FRAME_HEAD], body[4096];
	int fd = accept(fake->fd, NULL, NULL);
	guint32 len;

	if (fd < 0)
		return NULL;
	if (recv(fd, head, sizeof(head), MSG_WAITALL) == sizeof(head) &&
	    rn_frame_get_head(head, sizeof(body), &len, NULL) &&
	    recv(fd, body, len, MSG_WAITALL) == (ssize_t)len)
		fake->request = roamnat__control__v1__request__unpack(NULL, len, body);
	for (guint i = 0; i < fake->frames->len; i++)
		fake_write(fd, g_ptr_array_index(fake->frames, i));
	if (fake->silent)
		(void)!recv(fd, head, 1, 0);
	close(fd);
	return NULL;
}

void fake_start(struct fake *fake)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	memset(fake, 0, sizeof(*fake));
	fake->dir = g_dir_make_tmp("natctl-XXXXXX", NULL);
	fake->path = g_build_filename(fake->dir, "control.sock", NULL);
	fake->frames = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	fake->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_strlcpy(addr.sun_path, fake->path, sizeof(addr.sun_path));
	ck_assert_int_eq(bind(fake->fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(fake->fd, 1), 0);
	g_setenv("ROAMNAT_CONTROLLER_SOCKET", fake->path, TRUE);
	g_setenv("ROAMNAT_AGENT_SOCKET", fake->path, TRUE);
}

void fake_answer(struct fake *fake, const RnReply *reply)
{
	size_t len = roamnat__control__v1__reply__get_packed_size(reply);
	guint8 *packed = g_malloc(len);

	roamnat__control__v1__reply__pack(reply, packed);
	g_ptr_array_add(fake->frames, g_bytes_new_take(packed, len));
}

struct run fake_run(struct fake *fake, const char *line)
{
	struct run run;

	fake->thread = g_thread_new("fake", fake_serve, fake);
	run = run_line(line);
	shutdown(fake->fd, SHUT_RDWR);
	g_thread_join(fake->thread);
	return run;
}

void fake_stop(struct fake *fake)
{
	close(fake->fd);
	g_unlink(fake->path);
	g_rmdir(fake->dir);
	g_free(fake->path);
	g_free(fake->dir);
	g_ptr_array_unref(fake->frames);
	if (fake->request)
		roamnat__control__v1__request__free_unpacked(fake->request, NULL);
}

void init_mapping(RnMapping *m)
{
	roamnat__control__v1__mapping__init(m);
	m->id = 7;
	m->epoch = 3;
	m->incarnation = 2;
	m->state = (char *)"granted";
	m->public_ = (char *)"203.0.113.7";
	m->private_ = (char *)"10.0.0.5";
	m->zone = 1;
	m->kind = (char *)"address";
	m->owner = (char *)"gw1";
	m->pool = (char *)"web";
	m->preset_ms = 60000;
	m->elapsed_ms = 20000;
	m->remaining_ms = 40000;
}

void fake_start_mapping(struct fake *fake)
{
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;
	RnMapping m, *list[] = { &m };

	fake_start(fake);
	init_mapping(&m);
	reply.mappings = list;
	reply.n_mappings = 1;
	reply.last = TRUE;
	fake_answer(fake, &reply);
}
