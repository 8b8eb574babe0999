// SPDX-License-Identifier: GPL-2.0-only
//
// purpose: 2020-2021: on a full ring the driver frees what the crypto engine will try again
// changes: caamalg.c caamhash.c caampkc.c
//
// When the ring is full, the driver's do_one_request() says -ENOSPC, and the kernel's crypto engine
// puts the request back at its queue's head and tries it again later. In between, the driver had
// unmapped the request's data and freed its descriptor. What the device then read was whatever
// the memory held: job errors, the reported one being "40000006: DECO: desc idx 0: Invalid KEY
// Command"; and at the end the memory was freed once more.
// (Certain: both commits. What follows depends on who has the memory by then. Debian's allocator keeps
// the next free piece's address in it, and the driver writes there: seen in this guest is a crash in
// __kmem_cache_alloc_node(), called by skcipher_crypt(), before any job error.)
//   2020  2d653936eb2c  the driver lets the engine retry (Linux 5.11)
//   2021  087e1d715bcc  such a request is kept (Linux 5.17, and the stable kernels)
// Wants a ring that fills up: a stall, or a small one (+ring-16).

@@
expression ret;
identifier engine;
@@
- if (ret == -ENOSPC && engine->retry_support)
-	return ret;
