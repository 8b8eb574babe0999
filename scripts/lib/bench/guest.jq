# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The lines "# bench KIND KEY=VALUE..." of guest-tests/cases/bench.sh as samples. They are a guest's words:
# names are taken only as they are listed here, and numbers only where they are some.

def words: [scan("([a-z0-9_.-]+)=([^ ]*)") | {key: .[0], value: .[1]}] | from_entries;
def number: if test("^[0-9]{1,15}([.][0-9]{1,9})?$") then tonumber else empty end;
def counts: [scan("[0-9]{1,15}") | tonumber];

def who: {caam: "caam-emu", instructions: "AES instructions", generic: "generic AES", virtio: "virtio-crypto"}[.] // empty;
def cipher: select(IN("xts", "cbc"));

def samples:
  capture("^ *# bench (?<kind>[a-z]+) (?<rest>.*)$") | .kind as $kind | .rest | words
  | (.round // "" | number) as $round
  | {part: "guest", round: $round} as $sample
  | if $kind == "io" then
      (.ms | number) as $ms | select($ms > 0)
      | $sample + {group: "dm-crypt/\(.cipher | cipher)/\(.sector | number)/\(.job | select(IN("seq-read", "seq-write", "rand-read", "rand-write")))",
         name: (.who | who), value: ((.kib | number) * 1.024 / $ms), unit: "MB/s"}
    elif $kind == "one" then
      $sample + {group: "one 512-byte read", name: (.who | who), value: (."mean-us" | number), unit: "µs"}
    elif $kind == "counts" then
      # In the order in which the case asks for them.
      (.before | counts) as $before | (.after | counts) as $after
      | select(($before | length) == 7 and ($after | length) == 7)
      | ($after[0] - $before[0]) as $jobs | select($jobs > 0)
      | ([."mean-us" | number] | first) as $all
      | ([range(7)] | map(($after[.] - $before[.]) / $jobs)) as $each
      | ($each[5] / 1000) as $wait | ($each[6] / 1000) as $service
      | {"waiting in the ring": $wait, "executed by a DECO": $service, "guest, QEMU and interrupt": ($all - $wait - $service),
         "doorbells": $each[1], "interrupts": $each[2], "register reads": $each[3], "register writes": $each[4]}
      | to_entries[]
      | $sample + {group: "one 512-byte read on caam-emu", name: .key, value,
         unit: (if .key | test("^(doorbells|interrupts|register)") then "each" else "µs" end)}
    elif $kind == "cryptsetup" then
      {encrypt, decrypt} as $ways
      | $sample + {group: "cryptsetup benchmark/\(.cipher | cipher)", name: (.who | who)}
      | . as $base | $ways | to_entries[]
      | $base + {group: "\($base.group)/\(.key)", value: (.value | number * 1.048576), unit: "MB/s"}
    else empty end;

inputs | samples
