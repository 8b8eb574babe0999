// SPDX-License-Identifier: GPL-2.0-only
//
// purpose: up to Linux 6.6: the interrupt handler also clears the halt bits of a ring that has no interrupt
// changes: jr.c
// already: if \(!irqstate\)
//
// JRINTR holds more than the interrupt (JRI): HALT tells how far a flush is. On a shared line the
// handler is called for the other ring's interrupts, too. It took any bit at all for an interrupt of
// its own ring, and acknowledged by writing back all it had read, which clears HALT. Whoever waits for
// that flush to be complete (removing the driver, suspend and resume) then reads "no flush",
// and says "failed to flush job ring"; seen on an i.MX7ULP, whose two rings share a line.
// (Certain: the commit. That the same hits caam_reset_hw_jr() of Linux 6.1, which resumes nothing, is
// our reading of the source.)
//   2023  23d422a4f127  only JRI counts (Linux 6.7)
// Linux 6.1 is older and has this by itself: there, the variant is the stock driver. It shows only
// while a ring is flushed with interrupts of another one coming in: in the guest all rings share
// one line, but a flush must be made to last.

@@
expression irqstate;
@@
- if (!(irqstate & JRINT_JR_INT))
+ if (!irqstate)
	return IRQ_NONE;
