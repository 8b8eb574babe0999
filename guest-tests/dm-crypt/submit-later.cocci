// SPDX-License-Identifier: GPL-2.0-only
//
// purpose: a write that was encrypted asynchronously is never submitted from an interrupt
// changes: dm-crypt.c
//
// With no_write_workqueue dm-crypt submits a write where its encryption ends: for an asynchronous
// cipher that is its callback, which CAAM's driver calls from a tasklet. The block layer does not
// expect it there (src/late_interrupt.c tells why), and may forget the write. Here it goes to dm-crypt's
// writing thread then, as it does without the flag. (Ours: what upstream would do is not known.)

@@
expression flags;
@@
  kcryptd_crypt_write_io_submit(...)
  {
  <...
- test_bit(DM_CRYPT_NO_WRITE_WORKQUEUE, flags)
+ (test_bit(DM_CRYPT_NO_WRITE_WORKQUEUE, flags) && !in_interrupt())
  ...>
  }
