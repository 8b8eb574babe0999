// SPDX-License-Identifier: GPL-2.0-only
//
// purpose: 2020-2023: the device is told of a job before it can see the input ring's entry
// changes: jr.c
//
// The device is told by a register that there is one more job, and reads its descriptor's address from
// the input ring. If the CPU's write of that address has not reached the device by then, it reads what
// was there before: 0, or the address of a job long done, which it then runs again. The output ring
// returns that address, the driver knows no such job, and caam_jr_dequeue() ends in BUG.
//   2020, 2021          that BUG on LS1046A, now and then, in the kernel's self-tests; the output ring
//                       held descriptor 0 with status 0x40000006
//   2021  9c3a16f88385  the LS1046A's device tree lacked "dma-coherent" though its CAAM looks into the
//                       CPU's caches (Linux 5.12)
//   2023  e47e6d2aaacd  with much traffic to memory, smp_wmb() did not hold back the register's write
//                       until the entry had arrived; wmb() does (Linux 6.7)
// (Certain: reports and commits. That in 2021 it was this ring which was seen too early is our reading:
// a status beside descriptor 0 means that the device had taken and run it.)
// In this guest such a write is never late. So this is a model: when at least four jobs are on their
// way, the entry is written 100 us after the register, for which the device is fast enough unless it is
// slowed down. With fewer jobs the order is right, and all works: the self-tests of Linux 6.1, but
// not always those of 6.12, which run side by side.

@@
expression jrp, head, address, doorbell;
symbol tail;
@@
  caam_jr_enqueue(...)
  {
  <...
- jr_inpentry_set(jrp->inpring, head, address);
+ if (CIRC_CNT(head, tail, JOBR_DEPTH) < 4)
+	jr_inpentry_set(jrp->inpring, head, address);
  ...
  wr_reg32(doorbell, 1);
+ if (CIRC_CNT(head, tail, JOBR_DEPTH) >= 4) {
+	udelay(100);
+	jr_inpentry_set(jrp->inpring, head, address);
+ }
  ...>
  }
