# SPDX-License-Identifier: GPL-2.0
"""All rooms of cases."""
import cases_beside  # noqa: F401
import cases_block  # noqa: F401
import cases_icmp  # noqa: F401
import cases_map  # noqa: F401
import cases_six  # noqa: F401
import cases_time  # noqa: F401
