// SPDX-License-Identifier: GPL-2.0-only
//
// purpose: up to Linux 6.6: the interrupt handler also clears the halt bits of a ring that has no interrupt
// changes: jr.c
// already: if \(!irqstate\)
//
// JRINTR holds more than the interrupt (JRI): HALT tells how far a flush is. On a shared line the
// handler is called for the other rings' interrupts, too. It took any bit at all for an interrupt of
// its own ring, and acknowledged by writing back all it had read, which clears HALT. A ring that was
// flushed for suspend was then no longer halted, and could not resume; found on an i.MX7ULP, whose two
// rings share a line. (Certain: the commit.)
//   2023  23d422a4f127  only JRI counts (Linux 6.7)
// Linux 6.1 is older and has this by itself: there, the variant is the stock driver.
// In this guest all rings share one line, but the bug was not made to show. The driver halts a ring over
// a suspend only on some i.MX (caam_off_during_pm). Otherwise there is caam_reset_hw_jr(), and between
// the end of its flush and its next look at HALT is one read of a register.

@@
expression irqstate;
@@
- if (!(irqstate & JRINT_JR_INT))
+ if (!irqstate)
	return IRQ_NONE;
