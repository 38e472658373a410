// SPDX-License-Identifier: GPL-2.0
/*
 * Does what must never be done, one thing for each checker of the debug kernel, so
 * that it can be seen that each of them looks: insmod provoke.ko what=leak
 */
#include <linux/debugobjects.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

static char *what = "";
module_param(what, charp, 0444);
MODULE_PARM_DESC(what, "leak, rcu, sleep, shift, object, list, order, read, stale");

static int __rcu *shared;
static int sink;
static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);

static void leak(void)
{
	void *p = kmalloc(333, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(p);
}

/* PROVE_RCU: nobody said that this reader is one. */
static void rcu(void)
{
	OPTIMIZER_HIDE_VAR(shared);
	WARN_ON(rcu_dereference(shared));
}

/* DEBUG_ATOMIC_SLEEP */
static void sleep(void)
{
	preempt_disable();
	might_sleep();
	preempt_enable();
}

/* UBSAN */
static void shift(void)
{
	int bits = 40;

	OPTIMIZER_HIDE_VAR(bits);
	WRITE_ONCE(sink, 1 << bits);
}

static void on_timer(struct timer_list *timer)
{
}

/* DEBUG_OBJECTS_FREE: memory is given back with a timer in it that runs. */
static void object(void)
{
	struct timer_list *timer = kmalloc(sizeof(*timer), GFP_KERNEL);

	if (!timer)
		return;
	timer_setup(timer, on_timer, 0);
	mod_timer(timer, jiffies + 1000 * HZ);
	kfree(timer);
}

/* DEBUG_LIST */
static void list(void)
{
	LIST_HEAD(head);
	struct list_head entry;

	list_add(&entry, &head);
	list_del(&entry);
	list_del(&entry);
}

/* PROVE_LOCKING: nothing is stuck, but it could be. */
static void order(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);

	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

/* KASAN: one byte behind, and after the end. */
static void read(void)
{
	u8 *p = kmalloc(13, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(p);
	if (p)
		WRITE_ONCE(p[13], 1);
	kfree(p);
}

static void stale(void)
{
	u8 *p = kmalloc(64, GFP_KERNEL);

	kfree(p);
	OPTIMIZER_HIDE_VAR(p);
	WRITE_ONCE(p[8], 1);
}

static int __init provoke_init(void)
{
	static const struct {
		const char *name;
		void (*act)(void);
	} acts[] = {
		{ "leak", leak }, { "rcu", rcu }, { "sleep", sleep }, { "shift", shift },
		{ "object", object }, { "list", list }, { "order", order }, { "read", read },
		{ "stale", stale },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(acts); i++) {
		if (strcmp(acts[i].name, what))
			continue;
		pr_info("provoke: %s\n", what);
		acts[i].act();
		pr_info("provoke: %s is done\n", what);
		return 0;
	}
	return -EINVAL;
}
module_init(provoke_init);

static void __exit provoke_exit(void)
{
}
module_exit(provoke_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("One thing for each checker of the debug kernel to find");
