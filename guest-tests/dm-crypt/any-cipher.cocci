// SPDX-License-Identifier: GPL-2.0-only
//
// purpose: takes ciphers that allocate memory as well, so that drivers as they are can be compared
// changes: dm-crypt.c
//
// Since Linux 5.9 dm-crypt asks for ciphers that allocate no memory while they work (why, stands in
// drivers/dm-crypt-able.cocci), and gets the CPU's where a driver was meant. The stock CAAM driver and
// the stock virtio-crypto driver are both refused. For a comparison neither of them should be
// changed: here it is dm-crypt that asks for less, of all ciphers alike.

@@
expression name, type;
@@
- crypto_alloc_skcipher(name, type, CRYPTO_ALG_ALLOCATES_MEMORY)
+ crypto_alloc_skcipher(name, type, 0)
