/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SHIM_STDDEF_H
#define _SHIM_STDDEF_H

#include_next <linux/stddef.h>
#include <stddef.h>

#define offsetofend(type, member) (offsetof(type, member) + sizeof(((type *)NULL)->member))

#endif
