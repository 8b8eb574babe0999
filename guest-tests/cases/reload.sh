# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=sh
#
# purpose: the driver's modules are unloaded and loaded again, and work as before
# driver: stock
# emu: --job-rings 1
#
# One ring: with several on one interrupt line, the driver of today warns (docs/findings.md, 2).

# shellcheck source=../lib/ktap.sh
. /tests/lib/ktap.sh
# shellcheck source=../lib/caam.sh
. /tests/lib/caam.sh

ROUNDS=3
FIRST_LINE=$(($(dmesg | wc -l) + 1))

# own_algorithms: "driver selftest" of those that are the module's own; templates come and go.
own_algorithms() {
	awk '$1 == "driver" { name = $3 } $1 == "module" { own = $3 == "caam_jr" }
		$1 == "selftest" && own { print name, $3 }' /proc/crypto | sort
}

# settled FILE: the list, once it has been the same for two seconds: Linux 6.12 tests algorithms
# when modprobe has long returned, and keeps the module meanwhile.
settled() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		own_algorithms >"$1"
		sleep 2
		own_algorithms >/tmp/later
		[ -s "$1" ] && cmp -s "$1" /tmp/later && return 0
	done
	because "the list of algorithms does not settle"
	return 1
}

reload() {
	before=$(jobs_now)
	modprobe -r caam_jr caam || { because "the modules do not go: $(grep '^caam' /proc/modules)"; return 1; }
	[ -z "$(own_algorithms)" ] || { because "algorithms of the driver are left behind"; return 1; }
	if ! modprobe caam || ! modprobe caam_jr; then
		because "the modules do not come back"
		return 1
	fi
	settled /tmp/again || return
	because "$(wc -l </tmp/again) algorithms, $(($(jobs_now) - before)) jobs"
	cmp -s /tmp/algorithms /tmp/again || { because "the algorithms differ: $(diff /tmp/algorithms /tmp/again | head -3)"; return 1; }
	[ "$(jobs_now)" -gt "$before" ] || { because "the device did nothing"; return 1; }
}

ktap_plan $((ROUNDS + 2))
ktap_test algorithms-registered settled /tmp/algorithms
round=1
while [ "$round" -le "$ROUNDS" ]; do
	ktap_test "reload-$round" reload
	round=$((round + 1))
done
ktap_test kernel-log-clean quiet "$FIRST_LINE"
ktap_end
