// SPDX-License-Identifier: GPL-2.0-only
//
// purpose: scatter/gather tables are as long as their entries, not padded to four
// changes: caamalg.c caamhash.c caampkc.c
//
// The hardware reads entries four at a time, so the driver makes its tables multiples of four.
// Without that it reads what lies behind the table in memory, which mostly goes unnoticed: the
// self-tests pass. 'caam-emu serve --fault table-overread' says when that is another page.

@@
expression n;
@@
- pad_sg_nents(n)
+ n
