// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prints the SHA-256 of a trusted key's plain text, so that a test can see whether two of them
 * are the same. User space sees only the sealed form, and that differs at every sealing.
 *
 * modprobe key_digest description=NAME; then in the kernel log: "key_digest: NAME <hex>".
 */

#include <crypto/hash.h>
#include <keys/trusted-type.h>
#include <linux/err.h>
#include <linux/key.h>
#include <linux/module.h>

static char *description;
module_param(description, charp, 0);
MODULE_PARM_DESC(description, "Which key, as found from the process' keyrings");

static int digest_of(struct key *key, u8 digest[32])
{
	const struct trusted_key_payload *payload;
	struct crypto_shash *sha256;
	int ret;

	sha256 = crypto_alloc_shash("sha256", 0, 0);
	if (IS_ERR(sha256))
		return PTR_ERR(sha256);
	down_read(&key->sem);
	payload = dereference_key_locked(key);
	ret = payload ? crypto_shash_tfm_digest(sha256, payload->key, payload->key_len, digest) : -ENOKEY;
	up_read(&key->sem);
	crypto_free_shash(sha256);
	return ret;
}

static int __init key_digest_init(void)
{
	struct key *key;
	u8 digest[32];
	int ret;

	if (!description)
		return -EINVAL;
	key = request_key(&key_type_trusted, description, NULL);
	if (IS_ERR(key))
		return PTR_ERR(key);
	ret = digest_of(key, digest);
	if (!ret)
		pr_info("key_digest: %s %*phN\n", description, (int)sizeof(digest), digest);
	key_put(key);
	return ret;
}

static void __exit key_digest_exit(void)
{
}

module_init(key_digest_init);
module_exit(key_digest_exit);
MODULE_DESCRIPTION("Digest of a trusted key, for tests");
MODULE_LICENSE("GPL");
