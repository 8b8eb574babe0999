// SPDX-License-Identifier: GPL-2.0-only
//
// purpose: the reverted dm-crypt patch of 2015: each request is waited for before the next goes out
// changes: dm-crypt.c
//
// In April 2015 dm-crypt locked up on the CAAM driver (drivers/no-backlog tells why). What went
// into Linux first (0618764cb25f) was a change of dm-crypt: crypt_convert() waited after
// -EINPROGRESS as it does after -EBUSY, and kcryptd_async_done() woke it at the request's end, no
// longer when the request left the backlog. So each thread had one request on the device at a
// time, the ring never filled, and the lock-up was gone; so was the parallelism, for every driver.
// It was taken back within weeks (c0403ec0bb5a). (Certain: both commits.)
// Not as then: the wake-up is unconditional here. Then it was left out if nobody had yet taken
// the one before; since every request has exactly one wake-up and one wait, that never happens.
// It only hides: threads enough to fill the ring by themselves would still meet the -EBUSY.

@ wait_for_each @
expression ret;
expression list a, b;
@@
  crypt_convert(...)
  {
  <...
  if (...)
	ret = crypt_convert_block_aead(a);
  else
	ret = crypt_convert_block_skcipher(b);
+ if (ret == -EINPROGRESS)
+	ret = -EBUSY;
  ...>
  }

@ not_at_the_start @
identifier error, ctx;
@@
  kcryptd_async_done(...)
  {
  <...
  if (error == -EINPROGRESS) {
-	complete(&ctx->restart);
  	return;
  }
  ...>
  }

@ at_the_end @
identifier ctx;
@@
  kcryptd_async_done(...)
  {
  <...
- if (!atomic_dec_and_test(&ctx->cc_pending))
+ if (!atomic_dec_and_test(&ctx->cc_pending)) {
+	complete(&ctx->restart);
	return;
+ }
  ...>
  }
