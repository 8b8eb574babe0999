// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests for algorithms of the CAAM driver that the kernel's self-tests do not try: what the
 * golden jobs of these algorithms were recorded from. A module for the guest; see ../README.md.
 * keys.h holds BER encodings of an RSA key of 1024 bits: `pub` and `priv3`.
 */
#include <crypto/aead.h>
#include <crypto/akcipher.h>
#include <crypto/hash.h>
#include <crypto/rng.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include "keys.h"

static void one_aead(const char *name, unsigned int maclen, unsigned int keylen, unsigned int ivsize, int geniv)
{
	struct crypto_aead *tfm = crypto_alloc_aead(name, 0, 0);
	struct aead_request *req;
	struct scatterlist src, dst;
	DECLARE_CRYPTO_WAIT(wait);
	u8 key[8 + 64 + 64] = { 8, 0, 1, 0, 0, 0, 0, keylen };
	u8 iv[16], *buf, *out;
	int i, ret, assoc = 8, text = 48 + (geniv ? ivsize : 0);

	if (IS_ERR(tfm)) {
		pr_info("gold: %s %ld\n", name, PTR_ERR(tfm));
		return;
	}
	for (i = 0; i < maclen + keylen; i++)
		key[8 + i] = i * 5 + 1 + maclen;
	for (i = 0; i < 16; i++)
		iv[i] = 0xc0 + i;
	buf = kzalloc(512, GFP_KERNEL);
	out = kzalloc(512, GFP_KERNEL);
	for (i = 0; i < 256; i++)
		buf[i] = i;
	ret = crypto_aead_setkey(tfm, key, 8 + maclen + keylen);
	pr_info("gold: %s setkey %d\n", name, ret);
	crypto_aead_setauthsize(tfm, maclen);
	req = aead_request_alloc(tfm, GFP_KERNEL);
	aead_request_set_callback(req, CRYPTO_TFM_REQ_MAY_BACKLOG | CRYPTO_TFM_REQ_MAY_SLEEP, crypto_req_done, &wait);
	sg_init_one(&src, buf, assoc + text);
	sg_init_one(&dst, out, assoc + text + maclen);
	aead_request_set_ad(req, assoc);
	aead_request_set_crypt(req, &src, &dst, text, iv);
	ret = crypto_wait_req(crypto_aead_encrypt(req), &wait);
	pr_info("gold: %s encrypt %d\n", name, ret);
	memcpy(out, buf, assoc);
	memcpy(buf, out, 512);
	memset(out, 0, 512);
	if (!geniv)
		for (i = 0; i < 16; i++)
			iv[i] = 0xc0 + i;
	sg_init_one(&src, buf, assoc + text + maclen);
	sg_init_one(&dst, out, assoc + text);
	aead_request_set_crypt(req, &src, &dst, text + maclen, iv);
	ret = crypto_wait_req(crypto_aead_decrypt(req), &wait);
	pr_info("gold: %s decrypt %d\n", name, ret);
	buf[assoc + text] ^= 0x80;
	ret = crypto_wait_req(crypto_aead_decrypt(req), &wait);
	pr_info("gold: %s tampered %d\n", name, ret);
	aead_request_free(req);
	kfree(buf);
	kfree(out);
	crypto_free_aead(tfm);
}

static void one_hash(const char *name, unsigned int keylen)
{
	struct crypto_ahash *tfm = crypto_alloc_ahash(name, 0, 0);
	struct ahash_request *req;
	struct scatterlist src;
	DECLARE_CRYPTO_WAIT(wait);
	u8 *buf, *out;
	int i, ret;

	if (IS_ERR(tfm)) {
		pr_info("gold: %s %ld\n", name, PTR_ERR(tfm));
		return;
	}
	buf = kzalloc(1024, GFP_KERNEL);
	out = kzalloc(64, GFP_KERNEL);
	for (i = 0; i < 1024; i++)
		buf[i] = i;
	ret = crypto_ahash_setkey(tfm, buf + 7, keylen);
	req = ahash_request_alloc(tfm, GFP_KERNEL);
	ahash_request_set_callback(req, CRYPTO_TFM_REQ_MAY_BACKLOG | CRYPTO_TFM_REQ_MAY_SLEEP, crypto_req_done, &wait);
	sg_init_one(&src, buf, 37);
	ahash_request_set_crypt(req, &src, out, 37);
	pr_info("gold: %s key %d, digest %d\n", name, ret, crypto_wait_req(crypto_ahash_digest(req), &wait));
	/* in pieces: init, update, update, final */
	crypto_ahash_init(req);
	for (i = 0; i < 3; i++) {
		sg_init_one(&src, buf, 150);
		ahash_request_set_crypt(req, &src, out, 150);
		ret = crypto_wait_req(crypto_ahash_update(req), &wait);
		pr_info("gold: %s update %d\n", name, ret);
	}
	ahash_request_set_crypt(req, NULL, out, 0);
	pr_info("gold: %s final %d\n", name, crypto_wait_req(crypto_ahash_final(req), &wait));
	ahash_request_free(req);
	crypto_free_ahash(tfm);
	kfree(buf);
	kfree(out);
}

static void one_rsa(const u8 *key, unsigned int len, bool private, unsigned int n)
{
	struct crypto_akcipher *tfm = crypto_alloc_akcipher("rsa-caam", 0, 0);
	struct akcipher_request *req;
	struct scatterlist src, dst;
	DECLARE_CRYPTO_WAIT(wait);
	u8 *buf, *out;
	int i, ret;

	if (IS_ERR(tfm)) {
		pr_info("gold: rsa %ld\n", PTR_ERR(tfm));
		return;
	}
	buf = kzalloc(256, GFP_KERNEL);
	out = kzalloc(256, GFP_KERNEL);
	for (i = 1; i < 256; i++)
		buf[i] = i;
	buf[0] = 0x11;
	ret = private ? crypto_akcipher_set_priv_key(tfm, key, len) : crypto_akcipher_set_pub_key(tfm, key, len);
	req = akcipher_request_alloc(tfm, GFP_KERNEL);
	akcipher_request_set_callback(req, CRYPTO_TFM_REQ_MAY_BACKLOG | CRYPTO_TFM_REQ_MAY_SLEEP, crypto_req_done, &wait);
	sg_init_one(&src, buf, n);
	sg_init_one(&dst, out, 128);
	akcipher_request_set_crypt(req, &src, &dst, n, 128);
	pr_info("gold: rsa set %d, run %d\n", ret,
		crypto_wait_req(private ? crypto_akcipher_decrypt(req) : crypto_akcipher_encrypt(req), &wait));
	akcipher_request_free(req);
	crypto_free_akcipher(tfm);
	kfree(buf);
	kfree(out);
}

static void one_rng(void)
{
	struct crypto_rng *rng = crypto_alloc_rng("prng-caam", 0, 0);
	u8 *out = kzalloc(64, GFP_KERNEL);
	int ret;

	if (IS_ERR(rng)) {
		pr_info("gold: rng %ld\n", PTR_ERR(rng));
		return;
	}
	ret = crypto_rng_reset(rng, NULL, 0);
	pr_info("gold: rng reset %d, get %d\n", ret, crypto_rng_get_bytes(rng, out, 24));
	crypto_free_rng(rng);
	kfree(out);
}

static int __init gold_init(void)
{
	static const char *const digests[] = { "md5", "sha1", "sha224", "sha256", "sha384", "sha512" };
	static const unsigned int sizes[] = { 16, 20, 28, 32, 48, 64 };
	char name[96];
	int i;

	for (i = 0; i < 6; i++) {
		snprintf(name, 96, "authenc-hmac-%s-ecb-cipher_null-caam", digests[i]);
		one_aead(name, sizes[i], 0, 0, 0);
		snprintf(name, 96, "authenc-hmac-%s-cbc-aes-caam", digests[i]);
		one_aead(name, sizes[i], 16, 16, 0);
		one_aead(name, sizes[i], 32, 16, 0);
		snprintf(name, 96, "authenc-hmac-%s-cbc-des3_ede-caam", digests[i]);
		one_aead(name, sizes[i], 24, 8, 0);
		snprintf(name, 96, "authenc-hmac-%s-cbc-des-caam", digests[i]);
		one_aead(name, sizes[i], 8, 8, 0);
		snprintf(name, 96, "authenc-hmac-%s-rfc3686-ctr-aes-caam", digests[i]);
		one_aead(name, sizes[i], 20, 8, 0);
		snprintf(name, 96, "echainiv-authenc-hmac-%s-cbc-aes-caam", digests[i]);
		one_aead(name, sizes[i], 16, 16, 1);
		snprintf(name, 96, "echainiv-authenc-hmac-%s-cbc-des3_ede-caam", digests[i]);
		one_aead(name, sizes[i], 24, 8, 1);
		snprintf(name, 96, "echainiv-authenc-hmac-%s-cbc-des-caam", digests[i]);
		one_aead(name, sizes[i], 8, 8, 1);
		snprintf(name, 96, "seqiv-authenc-hmac-%s-rfc3686-ctr-aes-caam", digests[i]);
		one_aead(name, sizes[i], 20, 8, 1);
		snprintf(name, 96, "hmac-%s-caam", digests[i]);
		one_hash(name, 60);
		one_hash(name, 20);
	}
	one_hash("cmac-aes-caam", 32);
	one_hash("xcbc-aes-caam", 16);
	one_rsa(pub, sizeof(pub), false, 128);
	one_rsa(pub, sizeof(pub), false, 100);
	one_rsa(priv3, sizeof(priv3), true, 128);
	one_rsa(priv3, sizeof(priv3), true, 100);
	one_rng();
	return 0;
}

static void __exit gold_exit(void)
{
}

module_init(gold_init);
module_exit(gold_exit);
MODULE_LICENSE("GPL");
