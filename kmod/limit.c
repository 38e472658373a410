// SPDX-License-Identifier: GPL-2.0
#include "limit.h"

#include <linux/math64.h>
#include <linux/slab.h>

#include "hash.h"
#include "net.h"
#include "tuple.h"

/* 2048 sets of four: 8192 sources, 256 KiB in a namespace that translates. */
#define SETS	2048
#define WAYS	4

struct rnat_source {
	struct rnat_bucket bucket;
	union nf_inet_addr addr;
	u32 zone;
	u32 family;		/* 0: never used */
};

bool rnat_limit_take(struct rnat_bucket *bucket, u64 now, u32 rate, u32 burst)
{
	u64 cost = div_u64(NSEC_PER_SEC, rate);
	u64 full_at = max(bucket->full_at, now);

	if (full_at + cost - now > cost * burst)
		return false;
	bucket->full_at = full_at + cost;
	return true;
}

static bool is_of(const struct rnat_source *source, const struct rnat_key *key)
{
	return source->family == key->family && source->zone == key->zone &&
	       nf_inet_addr_cmp(&source->addr, &key->addr);
}

/*
 * In a full set the bucket that is full first gives way. It has the fewest
 * tokens to forget; a full one says the same as none. So no collector is
 * needed, and who floods with many addresses is left to the interface's
 * bucket, which cannot be pushed out.
 */
bool rnat_limit_take_source(struct rnat_net *rn, const struct rnat_key *key,
			    u64 now)
{
	struct rnat_key whole = *key;
	struct rnat_source *set, *source;
	int i;

	whole.port = 0;
	whole.proto = 0;
	set = rn->limit.sources +
	      WAYS * (rnat_hash(&whole, 0) % SETS);
	source = set;
	for (i = 0; i < WAYS; i++) {
		if (is_of(&set[i], &whole)) {
			source = &set[i];
			break;
		}
		if (set[i].bucket.full_at < source->bucket.full_at)
			source = &set[i];
	}
	if (!is_of(source, &whole)) {
		source->bucket.full_at = 0;
		source->addr = whole.addr;
		source->zone = whole.zone;
		source->family = whole.family;
	}
	return rnat_limit_take(&source->bucket, now,
			       READ_ONCE(rn->config.source_rate),
			       READ_ONCE(rn->config.source_burst));
}

int rnat_limit_prepare(struct rnat_net *rn)
{
	lockdep_assert_held(&rn->lock);
	if (rn->limit.sources)
		return 0;
	rn->limit.sources = kvcalloc(SETS * WAYS, sizeof(struct rnat_source),
				     GFP_KERNEL_ACCOUNT);
	return rn->limit.sources ? 0 : -ENOMEM;
}

void rnat_limit_uninit(struct rnat_net *rn)
{
	kvfree(rn->limit.sources);
}
