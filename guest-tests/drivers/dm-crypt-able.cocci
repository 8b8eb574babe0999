// SPDX-License-Identifier: GPL-2.0-only
//
// purpose: the driver's algorithms without CRYPTO_ALG_ALLOCATES_MEMORY, so that dm-crypt takes them
// changes: caamalg.c caamhash.c
//
// Since Linux 5.9 dm-crypt asks for ciphers that allocate no memory while they work, lest
// writing out memory wait for memory. The CAAM driver allocates a descriptor for each request
// and says so; dm-crypt then silently uses the CPU. With this patch it uses the device: for
// tests, where nothing is swapped out, that is what is wanted.

@ among_others @
expression flags;
@@
- flags | CRYPTO_ALG_ALLOCATES_MEMORY
+ flags

@ alone @
@@
- CRYPTO_ALG_ALLOCATES_MEMORY
+ 0
