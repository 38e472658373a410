/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Other programs of roamnat, in the tree where it was built or installed.
 */
#ifndef RN_PROGRAM_H
#define RN_PROGRAM_H

/* Beside natctl itself, else in sbin and libexec; NULL if nowhere. g_free. */
char *rn_program_find(const char *name);

#endif
