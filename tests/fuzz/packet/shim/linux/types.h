/* SPDX-License-Identifier: GPL-2.0 */
/* What kernel code takes for granted, for tests/fuzz/packet in user space. */
#ifndef _SHIM_TYPES_H
#define _SHIM_TYPES_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include_next <linux/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;

#define __force
#define __aligned(x) __attribute__((aligned(x)))
#define U8_MAX UINT8_MAX
#define U16_MAX UINT16_MAX
#define U32_MAX UINT32_MAX
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define fallthrough __attribute__((__fallthrough__))

#define min(a, b) ((a) < (b) ? (a) : (b))
#define min_t(type, a, b) ((type)(a) < (type)(b) ? (type)(a) : (type)(b))
#define max_t(type, a, b) ((type)(a) > (type)(b) ? (type)(a) : (type)(b))

/* The fuzzer runs on machines of little-endian order only. */
#define htons(x) ((__be16)__builtin_bswap16((u16)(x)))
#define ntohs(x) __builtin_bswap16((u16)(x))
#define htonl(x) ((__be32)__builtin_bswap32((u32)(x)))
#define ntohl(x) __builtin_bswap32((u32)(x))
#define cpu_to_be16 htons
#define be16_to_cpu ntohs
#define cpu_to_be32 htonl
#define be32_to_cpu ntohl

#endif
