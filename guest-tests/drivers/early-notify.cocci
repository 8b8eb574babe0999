// SPDX-License-Identifier: GPL-2.0-only
//
// purpose: 2020-2023: the crypto engine calls a waiting caller on before there is room
// changes: crypto_engine.c
//
// A caller that was told -EBUSY has its request kept, and sends no more until that request's call with
// -EINPROGRESS. From Linux 5.8 on the engine made that call when it took a request from its queue, before
// it knew whether the driver would take it. If the ring was full (-ENOSPC), the request went back into the
// queue; but the caller was called, and sent the next one. So the queue grew without a limit.
// Reported with dm-crypt on CAAM: with bounce buffers (swiotlb), DMA mappings fail, and writes with them.
//   2020  6a89f492f8e5  the engine takes requests back (Linux 5.8)
//   2023  4140aafcff16  the call comes when the driver has taken the request, and a request that goes back
//                       into a full queue moves the mark of who has yet to be called (Linux 6.4, stable kernels)
// (Certain: both commits.) The mark is in crypto/algapi.c, which is built into Debian's kernels. So
// that the mark stays as it was then, the request is put back here, not by crypto_enqueue_request_head().
// Nothing fails in this guest by itself, it has memory without bounce buffers: what shows is the number
// of requests under way. Wants a ring that fills up: a stall, or a small one (+ring-16).

@ not_when_taken @
identifier backlog;
@@
  crypto_pump_requests(...)
  {
  <...
- if (backlog)
-	crypto_request_complete(backlog, -EINPROGRESS);
  ...>
  }

@ but_when_tried depends on not_when_taken @
identifier not_when_taken.backlog;
expression engine;
@@
  crypto_pump_requests(...)
  {
  <...
+ if (backlog)
+	crypto_request_complete(backlog, -EINPROGRESS);
  if (engine->busy)
	was_busy = true;
  else
	engine->busy = true;
  ...>
  }

@ mark_unmoved @
expression engine, request;
@@
- crypto_enqueue_request_head(&engine->queue, request);
+ engine->queue.qlen++;
+ list_add(&request->list, &engine->queue.list);
