# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# What is compared with what, and what is to be reached: a table.
#
# ours and other: the names of the two within a group; in ours' name, what matches `ours` is replaced by
# `other`. Without other, the figure stands for itself. goal is one of
#   ratio      as fast as that many of the other, at least
#   extra      at most so much more than the other (in ours' unit)
#   at_most    absolutely
# or there is none. say: the goal in words, where they are not obvious.

def goals: [
  # --- engine: GB/s ---
  {part: "engine", group: "^xts-", ours: "^caam-emu$", other: "openssl", goal: {ratio: 1}},
  {part: "engine", group: "^cbc-[0-9]+/Encrypt", ours: "^caam-emu$", other: "openssl", goal: {ratio: 0.95}, say: "equal (0.95)"},
  {part: "engine", group: "^((ecb|ctr|gcm)-|cbc-[0-9]+/Decrypt)", ours: "^caam-emu$", other: "openssl", goal: {ratio: 0.9}},
  # --- pipeline: ns a job ---
  {part: "pipeline", group: "^pipeline/", ours: "^(direct|tables)$", other: "engine", goal: {extra: 250}, say: "250 ns more"},
  {part: "pipeline", group: "^pipeline/xts-256/[A-Za-z]+/512$", ours: "^(direct|tables)$", goal: {at_most: 500}, say: "2 million/s"},
  {part: "pipeline", group: "^pipeline-scaling/", ours: "-2-decos$", other: "-1-decos", goal: {ratio: 1.8}, say: "near 2"},
  # --- transport: ns an access ---
  {part: "transport", group: "^transport/", ours: "^caam-emu$", other: "caam-emu-blocking", goal: {ratio: 2}, say: "half the time"},
  {part: "transport", group: "^transport/", ours: "^caam-emu$", other: "bare-socket"},
  {part: "transport", group: "^transport/", ours: "^caam-emu$", other: "libvfio-user"},
  {part: "transport", group: "^idle for a second$", ours: ".", goal: {at_most: 0.5}, say: "0 (0.5)"},
  # --- guest ---
  {part: "guest", group: "^dm-crypt/", ours: "^caam-emu$", other: "virtio-crypto", goal: {ratio: 2}},
  {part: "guest", group: "^dm-crypt/", ours: "^caam-emu$", other: "AES instructions", goal: {ratio: 1}},
  {part: "guest", group: "^dm-crypt/", ours: "^caam-emu$", other: "generic AES"},
  {part: "guest", group: "^cryptsetup benchmark/", ours: "^caam-emu$", other: "AES instructions", goal: {ratio: 1}},
  {part: "guest", group: "^one 512-byte read$", ours: "^caam-emu$", other: "AES instructions"},
  {part: "guest", group: "^one 512-byte read$", ours: "^caam-emu$", other: "generic AES"},
  {part: "guest", group: "^one 512-byte read on caam-emu$", ours: "."},
  # --- footprint ---
  {part: "footprint", group: "^start to ready$", ours: ".", goal: {at_most: 20}},
  {part: "footprint", group: "^memory ", ours: "^caam-emu$", goal: {at_most: 16}},
  {part: "footprint", group: "^memory ", ours: "^of which"},
  {part: "footprint", group: "^stress", ours: "."}
];
