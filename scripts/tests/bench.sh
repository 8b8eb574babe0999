#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# What scripts/bench.sh does with bad input, and what it makes of samples: on recorded and made-up ones,
# and once for real, where it takes no more than seconds. No figure is judged here. Needs jq, for which it
# fetches the tools' private copy if that is not there yet.
set -uo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

SCRIPT=$ROOT/scripts/bench.sh
export NO_COLOR=1

# --- The command line -------------------------------------------------------------------

check unknown-option unusable 'unknown option --fast' --fast
check stray-word unusable 'engine: not an option' engine
check option-without-value unusable 'rounds needs a value' --rounds
check rounds-zero unusable 'rounds 0: not a number from 1' --rounds 0
check rounds-nonsense unusable 'rounds many: not a number' --rounds many
check rounds-too-many unusable 'rounds 100: not a number' --rounds=100
check only-nonsense unusable "only 'everything': not one of engine" --only everything
check only-nothing unusable "only '': not one of engine" --only ''
check only-two-at-once unusable "only 'engine pipeline': not one of" --only 'engine pipeline'
check out-in-no-folder unusable 'not a folder that can be written' --out /dev/null/bench

check help help_tells --only --rounds --quick --out engine pipeline transport guest footprint performance.md 125

# An emulator that never says "ready".
no_emulator() {
	printf '#!/bin/sh\necho "error: no luck today" >&2\nexit 1\n' >"$WORK/emulator"
	chmod +x "$WORK/emulator"
	mkdir -p "$WORK/tmp"
	run 125 env TMPDIR="$WORK/tmp" CAAM_EMU_BINARY="$WORK/emulator" "$SCRIPT" --quick --only footprint --out "$WORK/none" &&
		silent && says 'did not start: error: no luck today' || return
	[[ -z $(ls -A "$WORK/tmp") ]] || { echo "left: $(ls -A "$WORK/tmp")"; return 1; }
	[[ ! -e $WORK/none/results.json ]] || { echo "there are results"; return 1; }
}
check emulator-does-not-start no_emulator

# Ended while it waits for an emulator: nothing is left behind, and nothing is claimed.
interrupted() {
	local bench status=0 tries
	printf '#!/bin/sh\necho $$ >"%s"\nexec sleep 100\n' "$WORK/started" >"$WORK/emulator"
	chmod +x "$WORK/emulator"
	mkdir -p "$WORK/tmp"
	TMPDIR="$WORK/tmp" CAAM_EMU_BINARY="$WORK/emulator" "$SCRIPT" --quick --only footprint --out "$WORK/none" >"$WORK/out" 2>"$WORK/err" &
	bench=$!
	for ((tries = 0; tries < 100; tries++)); do
		if [[ -s $WORK/started ]]; then break; fi
		sleep 0.1
	done
	kill -TERM "$bench"
	wait "$bench" || status=$?
	((status == 125)) && says interrupted && silent || return
	[[ -z $(ls -A "$WORK/tmp") ]] || { echo "left: $(ls -A "$WORK/tmp")"; return 1; }
	! kill -0 "$(<"$WORK/started")" 2>/dev/null || { echo "the emulator still runs"; return 1; }
}
check interrupted interrupted

# --- From samples to the table ----------------------------------------------------------

# shellcheck source=../lib/all.sh
. "$ROOT/scripts/lib/all.sh"
# shellcheck source=../lib/bench/all.sh
. "$ROOT/scripts/lib/bench/all.sh"
set +e
trap 'rm -rf "$WORK"' EXIT
need_tools

# The machine is the same for all.
# shellcheck disable=SC2034 # for the library
RUN=$WORK OUT=$WORK/out.d
open_samples
mkdir -p "$OUT"
# shellcheck disable=SC2034 # for the library
COMMAND=test QUICK=0
for when in before after; do
	echo '{"model": "Some <CPU>", "features": "aes", "cores": 2, "governor": "g", "load": 0.5, "kernel": "6", "virtual": "no",
		"rustc": "rustc 1", "commit": "c", "date": "d"}' >"$RAW/machine-$when.json"
done

# sample PART GROUP NAME UNIT VALUE...: one each round.
sample() {
	local part=$1 group=$2 name=$3 unit=$4 round=0 value
	shift 4
	for value; do
		printf '{"part":"%s","group":"%s","name":"%s","round":%d,"value":%s,"unit":"%s"}\n' "$part" "$group" "$name" $((round += 1)) "$value" "$unit"
	done >>"$SAMPLES"
}

# row FILTER: what jq says of the results' rows.
row() {
	tool jq -e "[.rows[] | $1]" "$OUT/results.json" >"$WORK/row" && return 0
	echo "not so: $1"
	tool jq -c '.rows[]' "$OUT/results.json"
	return 1
}

# Rounds are paired: a slow one of both is no loss for either.
ratio_by_round() {
	: >"$SAMPLES"
	sample engine xts-128/Encrypt/512 caam-emu GB/s 4 2 8
	sample engine xts-128/Encrypt/512 openssl GB/s 4 1 2
	make_results || return
	tool jq -e '.rows | length == 1 and (.[0] | .value.median == 4 and .other.median == 2 and .other.name == "openssl"
		and .ratio == {median: 2, min: 1, max: 4, rounds: 3} and .met == true and .value.min == 2)' "$OUT/results.json"
}
check ratio-round-by-round ratio_by_round

# Of times, less is better.
times_turn_round() {
	: >"$SAMPLES"
	sample guest 'one 512-byte read' caam-emu µs 300
	sample guest 'one 512-byte read' 'AES instructions' µs 100
	make_results || return
	tool jq -e '.rows[0].ratio.median * 3 | . > 0.999 and . < 1.001' "$OUT/results.json"
}
check times-turn-round times_turn_round

# goal PART GROUP NAME UNIT VALUE OTHER OTHER-VALUE EXPECTED
goal() {
	: >"$SAMPLES"
	sample "$1" "$2" "$3" "$4" "$5"
	if [[ -n $6 ]]; then sample "$1" "$2" "$6" "$4" "$7"; fi
	make_results || return
	# shellcheck disable=SC2016 # jq's own variables
	tool jq -e --argjson met "$8" '[.rows[].met] | index([$met]) != null' "$OUT/results.json" && return 0
	tool jq -c '.rows[]' "$OUT/results.json"
	return 1
}
check goal-xts-met goal engine xts-256/Decrypt/65536 caam-emu GB/s 1 openssl 1 true
check goal-xts-missed goal engine xts-256/Decrypt/65536 caam-emu GB/s 0.99 openssl 1 false
check goal-gcm-met goal engine gcm-128/Encrypt/512 caam-emu GB/s 0.9 openssl 1 true
check goal-gcm-missed goal engine gcm-128/Encrypt/512 caam-emu GB/s 0.89 openssl 1 false
check goal-cbc-encrypt-missed goal engine cbc-128/Encrypt/512 caam-emu GB/s 0.94 openssl 1 false
check goal-cbc-decrypt-met goal engine cbc-128/Decrypt/512 caam-emu GB/s 0.94 openssl 1 true
check goal-overhead-met goal pipeline pipeline/cbc-256/Encrypt/512 direct ns 550 engine 300 true
check goal-overhead-missed goal pipeline pipeline/cbc-256/Encrypt/512 tables ns 551 engine 300 false
check goal-jobs-met goal pipeline pipeline/xts-256/Encrypt/512 direct ns 500 '' '' true
check goal-jobs-missed goal pipeline pipeline/xts-256/Encrypt/512 direct ns 501 '' '' false
check goal-scaling-met goal pipeline pipeline-scaling/xts-256/512 1-rings-2-decos ns 50 1-rings-1-decos 100 true
check goal-scaling-missed goal pipeline pipeline-scaling/xts-256/512 1-rings-2-decos ns 60 1-rings-1-decos 100 false
check goal-spin-met goal transport transport/register-read caam-emu ns 5000 caam-emu-blocking 10000 true
check goal-spin-missed goal transport transport/register-read caam-emu ns 5001 caam-emu-blocking 10000 false
check goal-idle-met goal transport 'idle for a second' caam-emu '% CPU' 0.041 '' '' true
check goal-idle-missed goal transport 'idle for a second' caam-emu '% CPU' 3 '' '' false
check goal-virtio-met goal guest dm-crypt/cbc/512/seq-read caam-emu MB/s 20 virtio-crypto 10 true
check goal-virtio-missed goal guest dm-crypt/cbc/512/seq-read caam-emu MB/s 19 virtio-crypto 10 false
check goal-memory-met goal footprint 'memory under load' caam-emu MiB 16 '' '' true
check goal-memory-missed goal footprint 'memory under load' caam-emu MiB 16.1 '' '' false
check goal-start-missed goal footprint 'start to ready' caam-emu ms 20.5 '' '' false

# Without anything to compare with there is no row, and no complaint.
no_rival() {
	: >"$SAMPLES"
	sample guest dm-crypt/xts/512/seq-read caam-emu MB/s 5
	make_results && tool jq -e '.rows == []' "$OUT/results.json"
}
check no-rival no_rival

no_samples() {
	: >"$SAMPLES"
	make_results && grep -q 'goals: 0 met, 0 missed' "$OUT/table.txt"
}
check no-samples no_samples

# The table and the plot of it, line by line.
table() {
	: >"$SAMPLES"
	sample engine gcm-256/Decrypt/4096 caam-emu GB/s 1 1.5 2
	sample engine gcm-256/Decrypt/4096 openssl GB/s 2 2 2
	sample footprint 'start to ready' caam-emu ms 3.14159 5
	make_results || return
	cat >"$WORK/expected" <<-'TABLE'
		test
		Some <CPU>, 2 cores; features: aes
		Linux 6, rustc 1; governor g; load 0.5 before, 0.5 after; caam-emu c, d

		engine
		  what                  caam-emu  extremes  against          extremes  ratio  extremes  more  goal
		  gcm-256/Decrypt/4096  1.5 GB/s  1..2      openssl  2 GB/s  2..2      0.75x  0.5..1          0.9 times  MISSED

		footprint
		  what            caam-emu  extremes  against    extremes  ratio  extremes  more  goal
		  start to ready  4.07 ms   3.14..5                                               at most 20  met

		goals: 1 met, 1 missed
	TABLE
	diff -u "$WORK/expected" "$OUT/table.txt"
}
check table table

plot() {
	# What a processor is called must not become a tag.
	grep -q 'Some &lt;CPU&gt;' "$OUT/results.svg" && grep -q 'gcm-256/Decrypt/4096 / openssl' "$OUT/results.svg" &&
		[[ $(grep -c '<rect' "$OUT/results.svg") -eq 2 ]] && tail -n1 "$OUT/results.svg" | grep -qx '</svg>'
}
check plot plot

# --- Where samples come from ------------------------------------------------------------

# criterion's own files, of which a benchmark not finished has only one.
of_criterion() {
	local dir=$WORK/criterion
	mkdir -p "$dir/ecb-128_Encrypt_512/caam-emu/new" "$dir/pipeline/1/new" "$dir/half/new"
	cat >"$dir/ecb-128_Encrypt_512/caam-emu/new/benchmark.json" <<-'JSON'
		{"group_id":"ecb-128/Encrypt/512","function_id":"caam-emu","value_str":null,"throughput":{"Bytes":516},"full_id":"ecb-128/Encrypt/512/caam-emu","directory_name":"ecb-128_Encrypt_512/caam-emu","title":"ecb-128/Encrypt/512/caam-emu"}
	JSON
	# Three samples; of the second, 64.5 ns each. The first was disturbed, the third never run.
	echo '{"sampling_mode":"Linear","iters":[10.0,20.0,0.0],"times":[2000.0,1290.0,0.0]}' |
		tee "$dir/pipeline/1/new/sample.json" >"$dir/ecb-128_Encrypt_512/caam-emu/new/sample.json"
	echo '{"group_id":"pipeline/x","function_id":"direct","value_str":"7","throughput":{"Elements":1}}' >"$dir/pipeline/1/new/benchmark.json"
	echo '{"group_id":"half","function_id":null,"value_str":null,"throughput":null}' >"$dir/half/new/benchmark.json"
	criterion_samples "$dir" engine 3 >"$WORK/samples" || return
	diff - "$WORK/samples" <<-'JSON'
		{"part":"engine","group":"ecb-128/Encrypt/512","name":"caam-emu","round":3,"value":8,"unit":"GB/s"}
		{"part":"engine","group":"pipeline/x","name":"direct/7","round":3,"value":64.5,"unit":"ns"}
	JSON
}
check samples-of-criterion of_criterion

of_idling() {
	printf '%s\n' 'transport/x time: [1 ns]' 'caam-emu-blocking, idle for a second after 1000 reads: 0.041 % CPU' 'idle for a second: no' >"$WORK/said.idle"
	idle_samples "$WORK/said.idle" transport 2 >"$WORK/samples" || return
	diff - "$WORK/samples" <<-'JSON'
		{"part":"transport","group":"idle for a second","name":"caam-emu-blocking","round":2,"value":0.041,"unit":"% CPU"}
	JSON
}
check samples-of-idling of_idling

# A run of the guest's case, recorded; and what a broken guest might say instead.
of_guest() {
	guest_samples "$ROOT/scripts/tests/bench/guest.ktap" >"$WORK/samples" || return
	diff "$ROOT/scripts/tests/bench/guest.jsonl" "$WORK/samples"
}
check samples-of-guest of_guest

hostile_guest() {
	cat >"$WORK/hostile" <<-'KTAP'
		# bench io who=caam cipher=xts sector=512 round=1 job=seq-read kib=100 ms=0
		# bench io who=caam cipher=xts sector=512 round=1 job=seq-read kib=1e999 ms=5
		# bench io who=caam cipher=<b> sector=512 round=1 job=seq-read kib=1 ms=5
		# bench io who=root cipher=xts sector=512 round=1 job=seq-read kib=1 ms=5
		# bench io who=caam cipher=xts sector=512 round=x job=seq-read kib=1 ms=5
		# bench io who=caam cipher=xts sector=512 round=1 job=rm kib=1 ms=5
		# bench io
		# bench counts round=1 mean-us=5 before=1,1,1,1,1,1,1 after=1,1,1,1,1,1,1
		# bench counts round=1 mean-us=5 before= after=
		# bench cryptsetup who=caam cipher=xts round=1 encrypt=N/A decrypt=N/A
		# bench
		bench one who=caam round=1 mean-us=1
	KTAP
	guest_samples "$WORK/hostile" >"$WORK/samples" || return
	[[ ! -s $WORK/samples ]] || { cat "$WORK/samples"; return 1; }
}
check samples-of-hostile-guest hostile_guest

of_stress() {
	echo '{"seconds": {"build": 1.5, "boot": 30, "probe": 2, "run": 12.3}}' >"$WORK/stress.json"
	bench_jq stress -c "$WORK/stress.json" >"$WORK/samples"
	tool jq -s -e 'map(.value) == [1.5, 30, 2, 12.3] and map(.unit) == ["s", "s", "s", "s"] and .[0].part == "footprint"' "$WORK/samples"
}
check samples-of-stress of_stress

memory() {
	local anonymous files
	read -r anonymous files < <(memory_of $$)
	((anonymous > 0 && files > 0)) || return
	! memory_of 0 >/dev/null 2>&1
}
check memory-of-a-process memory

# --- For real ---------------------------------------------------------------------------

# Five starts of the emulator: all the way to the table, whatever the figures are.
smoke() {
	run 0 "$SCRIPT" --quick --only footprint --out "$WORK/smoke" || return
	if ! grep -q '^  start to ready ' "$WORK/out" || ! grep -q '^  memory when idle ' "$WORK/out"; then
		cat "$WORK/out"
		return 1
	fi
	cmp "$WORK/out" "$WORK/smoke/table.txt" && [[ -s $WORK/smoke/results.svg ]] &&
		[[ $(wc -l <"$WORK/smoke/samples.jsonl") -eq 15 ]]
}
check smoke smoke

finish
