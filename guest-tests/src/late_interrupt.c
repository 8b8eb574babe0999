// SPDX-License-Identifier: GPL-2.0-only
/*
 * Has interrupts come where the block layer is about to forget the list of what a task submits.
 *
 * submit_bio_noacct_nocheck() lets one ->submit_bio() of a task be active at a time: while one is, what
 * is submitted goes onto a list, current->bio_list, and whoever began takes it from there. When nothing
 * is left there, he sets current->bio_list to NULL. Softirqs are not kept away meanwhile. A bio that is
 * submitted by a softirq between the last look at the list and the NULL is on a list that nobody has.
 *
 * Between the two are two instructions. This puts a kprobe onto the first of them, which waits in one of
 * "every" times for "wait" microseconds with interrupts masked: those that come meanwhile are taken in front
 * of the second. So all that happens could happen without it; it happens more often.
 *
 * modprobe late_interrupt; then in /sys/module/late_interrupt/parameters:
 *   waited   times it has waited
 *   nested   bios that a softirq has put onto the list of the task below it
 */

#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/sched.h>

static unsigned int wait = 300;
module_param(wait, uint, 0);
MODULE_PARM_DESC(wait, "Microseconds");

static unsigned int every = 8;
module_param(every, uint, 0);
MODULE_PARM_DESC(every, "One of so many times, at least 1");

static unsigned int waited;
module_param(waited, uint, 0444);

static unsigned int nested;
module_param(nested, uint, 0444);

static atomic_t looks, additions;

static int before_forgetting(struct kprobe *probe, struct pt_regs *regs)
{
	if (atomic_inc_return(&looks) % every == 0) {
		udelay(wait);
		WRITE_ONCE(waited, atomic_read(&looks) / every);
	}
	return 0;
}

static int submitted(struct kprobe *probe, struct pt_regs *regs)
{
	if (in_serving_softirq() && current->bio_list)
		WRITE_ONCE(nested, atomic_inc_return(&additions));
	return 0;
}

static struct kprobe entry = {
	.symbol_name = "submit_bio_noacct_nocheck",
	.pre_handler = submitted,
};

static struct kprobe forgetting = { .pre_handler = before_forgetting };

/* Instructions of arm64 (Arm ARM, C6.2): "mrs xN, sp_el0", which is current, and "str xzr, [xN, #offset]". */
static bool forgets(const u32 *at)
{
	u32 offset = offsetof(struct task_struct, bio_list);
	u32 reg = at[0] & 31;

	return (at[0] & ~31) == 0xd5384100 &&
	       at[1] == (0xf900001f | (offset / 8) << 10 | reg << 5);
}

static int __init late_interrupt_init(void)
{
	const unsigned int longest = 0x800 / sizeof(u32);
	const u32 *code;
	unsigned int i;
	int ret;

	if (every == 0)
		return -EINVAL;
	ret = register_kprobe(&entry);
	if (ret)
		return ret;
	/* __submit_bio_noacct() is part of it, or not far behind. */
	code = (const u32 *)entry.addr;
	for (i = 1; i < longest; i++) {
		if (!forgets(code + i))
			continue;
		forgetting.addr = (kprobe_opcode_t *)(code + i);
		ret = register_kprobe(&forgetting);
		if (!ret) {
			pr_info("at %pS\n", code + i);
			return 0;
		}
		break;
	}
	unregister_kprobe(&entry);
	if (ret)
		return ret;
	pr_err("this kernel's code is another: no such place\n");
	return -ENOENT;
}

static void __exit late_interrupt_exit(void)
{
	unregister_kprobe(&forgetting);
	unregister_kprobe(&entry);
}

module_init(late_interrupt_init);
module_exit(late_interrupt_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Interrupts where the block layer forgets a list");
