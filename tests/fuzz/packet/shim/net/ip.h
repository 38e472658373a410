/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SHIM_NET_IP_H
#define _SHIM_NET_IP_H

#define IP_DF 0x4000
#define IP_MF 0x2000
#define IP_OFFSET 0x1fff

#endif
