/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _RNAT_COMPAT_NET_GSO_H
#define _RNAT_COMPAT_NET_GSO_H

#include <linux/version.h>

/* What is declared there was in linux/skbuff.h. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#include <linux/skbuff.h>
#else
#include_next <net/gso.h>
#endif

#endif
