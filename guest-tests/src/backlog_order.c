// SPDX-License-Identifier: GPL-2.0-only
/*
 * Gives a driver more requests than its ring holds, all with CRYPTO_TFM_REQ_MAY_BACKLOG, and
 * records what each submission returned and what its callback was told, in order. The rule of the
 * crypto API: whoever gets -EBUSY is called with -EINPROGRESS when the request leaves the
 * backlog, and with the result when it is done. dm-crypt waits for the first of these calls.
 *
 * All is submitted in one go on the CPU that takes the device's interrupt, softirqs off: nothing
 * is taken from the output ring meanwhile, so the ring fills whatever the device's speed.
 *
 * modprobe backlog_order; then in the kernel log, "backlog_order: " before each line:
 *   submitted=N accepted=N busy=N refused=N
 *   done=N in-order=N silent=N lost=N odd=N
 *   request I: returned R; called C C ...        the first of each kind
 * accepted: -EINPROGRESS was returned; busy: -EBUSY; refused: another error. done: accepted, then
 * called with 0. in-order: busy, then called with -EINPROGRESS, then with 0. silent: busy, and
 * never called. lost: accepted, or called with -EINPROGRESS, and the result never came. odd: the rest.
 */

#include <crypto/skcipher.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/version.h>
#include <linux/workqueue.h>

static char *driver = "xts-aes-caam";
module_param(driver, charp, 0);
MODULE_PARM_DESC(driver, "An skcipher, by driver name");

static unsigned int requests = 1280;
module_param(requests, uint, 0);
MODULE_PARM_DESC(requests, "How many: more than ring and queue hold together");

static unsigned int patience = 3000;
module_param(patience, uint, 0);
MODULE_PARM_DESC(patience, "How long after the last callback a request counts as silent, in ms");

static unsigned int cpu;
module_param(cpu, uint, 0);
MODULE_PARM_DESC(cpu, "The CPU that takes the device's interrupt");

#define BYTES 512
#define CALLS 4

struct item {
	struct skcipher_request *req;
	struct scatterlist sg;
	u8 iv[16];
	u8 *data;
	int returned;
	atomic_t calls;
	int told[CALLS];
};

enum kind { DONE, IN_ORDER, SILENT, LOST, REFUSED, ODD, KINDS };

static struct item *items;
static atomic_t heard = ATOMIC_INIT(0);

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
static void called(void *data, int err)
{
	struct item *item = data;
#else
static void called(struct crypto_async_request *async, int err)
{
	struct item *item = async->data;
#endif
	int n = atomic_fetch_inc(&item->calls);

	if (n < CALLS)
		WRITE_ONCE(item->told[n], err);
	atomic_inc(&heard);
}

static long submit_all(void *unused)
{
	unsigned int i;

	local_bh_disable();
	for (i = 0; i < requests; i++)
		items[i].returned = crypto_skcipher_encrypt(items[i].req);
	local_bh_enable();
	return 0;
}

static enum kind kind_of(struct item *item)
{
	int calls = atomic_read(&item->calls);

	switch (item->returned) {
	case -EINPROGRESS:
		if (!calls)
			return LOST;
		return calls == 1 && item->told[0] == 0 ? DONE : ODD;
	case -EBUSY:
		if (!calls)
			return SILENT;
		if (item->told[0] != -EINPROGRESS)
			return ODD;
		if (calls == 1)
			return LOST;
		return calls == 2 && item->told[1] == 0 ? IN_ORDER : ODD;
	default:
		return calls ? ODD : REFUSED;
	}
}

static void show(unsigned int i)
{
	struct item *item = &items[i];
	int n, calls = min(atomic_read(&item->calls), CALLS);
	char text[64] = "never";
	size_t at = 0;

	for (n = 0; n < calls; n++)
		at += scnprintf(text + at, sizeof(text) - at, "%s%d", n ? " " : "", item->told[n]);
	pr_info("backlog_order: request %u: returned %d; called %s\n", i, item->returned, text);
}

/* Returns whether the driver may still know one of the requests. */
static bool report(void)
{
	unsigned int i, count[KINDS] = {}, first[KINDS] = {}, busy = 0, accepted = 0;
	enum kind kind;

	for (i = 0; i < requests; i++) {
		kind = kind_of(&items[i]);
		if (!count[kind]++)
			first[kind] = i;
		busy += items[i].returned == -EBUSY;
		accepted += items[i].returned == -EINPROGRESS;
	}
	pr_info("backlog_order: submitted=%u accepted=%u busy=%u refused=%u\n", requests, accepted, busy,
		requests - accepted - busy);
	pr_info("backlog_order: done=%u in-order=%u silent=%u lost=%u odd=%u\n", count[DONE],
		count[IN_ORDER], count[SILENT], count[LOST], count[ODD]);
	for (kind = 0; kind < KINDS; kind++)
		if (count[kind])
			show(first[kind]);
	return count[SILENT] || count[LOST] || count[ODD];
}

static int prepare(struct item *item, struct crypto_skcipher *tfm)
{
	item->data = kzalloc(BYTES, GFP_KERNEL);
	item->req = skcipher_request_alloc(tfm, GFP_KERNEL);
	if (!item->data || !item->req)
		return -ENOMEM;
	sg_init_one(&item->sg, item->data, BYTES);
	skcipher_request_set_callback(item->req, CRYPTO_TFM_REQ_MAY_BACKLOG, called, item);
	skcipher_request_set_crypt(item->req, &item->sg, &item->sg, BYTES, item->iv);
	return 0;
}

static void release(void)
{
	unsigned int i;

	for (i = 0; i < requests; i++) {
		if (items[i].req)
			skcipher_request_free(items[i].req);
		kfree(items[i].data);
	}
	kvfree(items);
}

static int __init backlog_order_init(void)
{
	struct crypto_skcipher *tfm;
	unsigned int i, waited = 0;
	u8 key[64];
	int ret, before;

	for (i = 0; i < sizeof(key); i++)
		key[i] = i;
	tfm = crypto_alloc_skcipher(driver, 0, 0);
	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	items = kvcalloc(requests, sizeof(*items), GFP_KERNEL);
	ret = items ? crypto_skcipher_setkey(tfm, key, sizeof(key)) : -ENOMEM;
	for (i = 0; !ret && i < requests; i++)
		ret = prepare(&items[i], tfm);
	if (ret)
		goto out;

	ret = work_on_cpu(cpu, submit_all, NULL);
	if (ret)
		goto out;
	/* All have been heard of when none is silent or lost; else, when no more calls come. */
	while (waited < patience) {
		before = atomic_read(&heard);
		msleep(50);
		waited = atomic_read(&heard) == before ? waited + 50 : 0;
		for (i = 0; i < requests; i++)
			if (kind_of(&items[i]) == SILENT || kind_of(&items[i]) == LOST)
				break;
		if (i == requests)
			break;
	}
	if (report()) {
		/* Should the driver call after all, code and memory must still be there. */
		__module_get(THIS_MODULE);
		return 0;
	}
out:
	if (items)
		release();
	crypto_free_skcipher(tfm);
	return ret;
}

static void __exit backlog_order_exit(void)
{
}

module_init(backlog_order_init);
module_exit(backlog_order_exit);
MODULE_DESCRIPTION("What a crypto driver tells those whose requests it cannot take at once");
MODULE_LICENSE("GPL");
