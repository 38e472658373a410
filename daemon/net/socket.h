/* SPDX-License-Identifier: GPL-2.0 */
/* TCP sockets of numeric endpoints; nothing here blocks. */
#ifndef RN_NET_SOCKET_H
#define RN_NET_SOCKET_H

#include <glib.h>
#include <sys/socket.h>

#define RN_ENDPOINT_TEXT	56	/* "[address]:65535" */

/* ADDRESS:PORT or [ADDRESS]:PORT. */
gboolean rn_socket_parse(const char *endpoint, struct sockaddr_storage *to, socklen_t *len,
			 GError **error);
char *rn_socket_print(const struct sockaddr_storage *from, char buf[RN_ENDPOINT_TEXT]);
/* -1 and error; connecting is under way when the fd is returned. */
int rn_socket_connect(const char *endpoint, GError **error);
int rn_socket_listen(const char *endpoint, GError **error);
/* -1 and errno. */
int rn_socket_accept(int listener, char peer[RN_ENDPOINT_TEXT]);

#endif
