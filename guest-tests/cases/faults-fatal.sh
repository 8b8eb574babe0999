# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=sh
#
# purpose: ring errors and output entries of no job: the driver's BUG()s, each in a guest of its own
# driver: stock
# emu: --seed 7
# boots: --decos 1 | --decos 1 | --decos 1 | --decos 1 | --decos 1 | --decos 1 | --decos 1 | --decos 1
# panics: irqstate: ffffffff | pc : caam_jr_interrupt+ | pc : caam_jr_interrupt+ | pc : caam_jr_interrupt+ | pc : caam_jr_dequeue+ | pc : caam_jr_dequeue+ | pc : caam_jr_dequeue+ | pc : caam_jr_dequeue+
#
# A guest dies of its first job that the rule is about. tcrypt has eight of them at once: a driver
# with a single job in its ring would take the one before for it, if it had the same address.

# shellcheck source=../lib/ktap.sh
. /tests/lib/ktap.sh
# shellcheck source=../lib/caam.sh
. /tests/lib/caam.sh
# shellcheck source=../lib/faults.sh
. /tests/lib/faults.sh

# rule_of BOOT: prints it.
rule_of() {
	case $1 in
	1) echo vanish:for=10s ;;
	2) echo jr-error:type=output-write ;;
	3) echo dma-error:of=output-ring ;;
	4) echo dma-error:of=input-ring ;;
	5) echo output-entry:entry=wrong ;;
	6) echo output-entry:entry=zero ;;
	7) echo output-entry:entry=duplicate ;;
	8) echo output-entry:entry=missing ;;
	esac
}

ktap_plan 1
ktap_test fault-is-set fault "$(rule_of "$BOOT"),alg=aes-ecb,nth=20,name=fatal"
echo "@@ fired fatal 1"
# What the guest dies of, its console shows.
/usr/sbin/modprobe tcrypt mode=600 num_mb=8 >/dev/console 2>&1
ktap_end
