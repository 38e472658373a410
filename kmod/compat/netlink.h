/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Included before netlink_gen.c. Until 6.6 the range of a policy was not const,
 * but that of generated policies is.
 */
#ifndef _RNAT_COMPAT_NETLINK_H
#define _RNAT_COMPAT_NETLINK_H

#include <net/netlink.h>

#undef NLA_POLICY_FULL_RANGE
#define NLA_POLICY_FULL_RANGE(tp, _range) {			\
	.type = tp,						\
	.validation_type = NLA_VALIDATE_RANGE_PTR,		\
	.range = (struct netlink_range_validation *)(_range),	\
}

#endif
