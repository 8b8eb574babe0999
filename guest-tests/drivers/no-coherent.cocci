// SPDX-License-Identifier: GPL-2.0-only
//
// purpose: a completed job's entry of the output ring is read too early: what it held before
// changes: jr.c
//
// The driver reads from ORSFR how many jobs have completed, then their entries in the output ring. Where
// the CPU does not see memory as the device does, an entry can still be the old one: 0 at first,
// later the descriptor that was there a lap before. No job has that address, and
// caam_jr_dequeue() ends in BUG. (Our reasoning. The crashes on record end in the same BUG, but there it
// was the device that saw old memory: late-entry.cocci.)
// In this guest memory is coherent, and nothing in a driver can change that. So this is a model: the
// entry that comes next is read before ORSFR is, not after. What the device writes in between is missed,
// as a CPU would that runs ahead with its loads. It is no model of caches: data, descriptors
// and the input ring are seen as they are, and an entry that was there before is always read right.
// A job at a time therefore works; a job that completes while another is being handled does not. On a
// busy machine that ends the self-tests, too.

@ declare @
identifier used;
@@
  caam_jr_dequeue(...)
  {
  ...
  u32 used = 0;
+ dma_addr_t early_desc;
+ u32 early_status;
  ...
  }

@ before_it_is_known @
identifier declare.used, jrp;
@@
  caam_jr_dequeue(...)
  {
  <...
- used || (used = rd_reg32(&jrp->rregs->outring_used))
+ (jr_outentry_get(jrp->outring, jrp->out_ring_read_index, &early_desc, &early_status),
+  used || (used = rd_reg32(&jrp->rregs->outring_used)))
  ...>
  }

@ old_entry depends on before_it_is_known @
expression ring, index;
@@
  caam_jr_dequeue(...)
  {
  <...
(
- jr_outentry_desc(ring, index)
+ early_desc
|
- jr_outentry_jrstatus(ring, index)
+ early_status
)
  ...>
  }
