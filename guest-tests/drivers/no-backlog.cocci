// SPDX-License-Identifier: GPL-2.0-only
//
// purpose: the driver of 2015: a full ring means -EBUSY and a forgotten request; dm-crypt locks up
// changes: caamalg.c caamhash.c caampkc.c jr.c
//
// Up to Linux 5.6 all requests went straight to caam_jr_enqueue(). When the ring was full, its
// -EBUSY went straight back to the caller, after the request's resources had been freed. So it
// was for CRYPTO_TFM_REQ_MAY_BACKLOG too, where -EBUSY means something else: "kept; no more,
// please, before I call you". dm-crypt took it so, and waited for a call that nobody was left
// to make. (Certain: the sources, and the commits named here.)
//   2015  0618764cb25f  dm-crypt waits for every request: hides it (see dm-crypt/wait-each)
//   2015  c0403ec0bb5a  that is taken back: the driver is at fault, not dm-crypt
//   2020  4d370a103695, ee38767f152a, 1c2402266713 and their series, in Linux 5.7: a full ring is
//         -ENOSPC, and requests that may be backlogged go through the kernel's crypto engine
// This patch takes the crypto engine out again, gives a full ring its -EBUSY back, and frees the
// request with it. Also as then: the number of free slots (IRSAR) is read for each job. Today's
// driver remembers it, and reads it again only when what it remembers has run out.
// Not as then: a job that was taken gives -EINPROGRESS here, as today, and no longer 0, which the
// algorithms of 2015 turned into -EINPROGRESS. To callers of the crypto API that is the same.

@ straight_to_the_ring @
identifier transfer =~ "^crypto_transfer_[a-z]*_request_to_engine$";
expression flags, ret;
expression list request, job;
@@
- if (flags & CRYPTO_TFM_REQ_MAY_BACKLOG)
-	ret = transfer(request);
- else
 	ret = caam_jr_enqueue(job);

@ engine_unused depends on straight_to_the_ring @
identifier jrpriv;
expression dev;
@@
- struct caam_drv_private_jr *jrpriv = dev_get_drvdata(dev);
  ... when != jrpriv

// Whoever was told -EBUSY is told that there is no such request.
@ busy_is_an_error @
expression ret;
@@
- (ret != -EINPROGRESS) && (ret != -EBUSY)
+ ret != -EINPROGRESS

@ full_ring @
@@
  caam_jr_enqueue(...)
  {
  <...
- return -ENOSPC;
+ return -EBUSY;
  ...>
  }

@ read_each_time @
expression jrp;
@@
  caam_jr_enqueue(...)
  {
  <...
- !jrp->inpring_avail
+ !rd_reg32(&jrp->rregs->inpring_avail)
  ...>
  }

@ nothing_remembered @
expression jrp;
@@
  caam_jr_enqueue(...)
  {
  <...
- jrp->inpring_avail--;
- if (...)
-	jrp->inpring_avail = rd_reg32(...);
  ...>
  }
