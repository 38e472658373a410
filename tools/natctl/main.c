// SPDX-License-Identifier: GPL-2.0
#include <locale.h>
#include "natctl.h"

int main(int argc, char **argv)
{
	setlocale(LC_CTYPE, "");
	return rn_natctl_run(argc, argv, stdout, stderr);
}
