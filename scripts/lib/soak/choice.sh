# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# What the rounds of a seed are: each follows from the seed and its number alone, so that it can be
# had again without those before it.

# Rounds that share a guest, and so a device and a driver.
readonly ROUNDS_A_BOOT=20

# choose KEY OPTION...: sets CHOICE, one of them.
choose() {
	local hash
	hash=$(printf '%s %s' "$SEED" "$1" | sha256sum)
	shift
	hash=$((16#${hash:0:12} % $# + 1))
	CHOICE=${!hash}
}

# choose_boot BOOT: sets SOC, RINGS, DECOS, MEMORY and BOOT_DRIVER. What is usual comes up more often.
choose_boot() {
	choose "boot $1 soc" virt-era9 virt-era9 virt-era10 && SOC=$CHOICE
	choose "boot $1 rings" 1 1 2 4 && RINGS=$CHOICE
	choose "boot $1 decos" 1 2 4 8 && DECOS=$CHOICE
	# Memory that the emulator maps, or has to ask QEMU for.
	choose "boot $1 memory" memfd,share=on memfd,share=on memfd,share=on memfd,share=on ram && MEMORY=memory-backend-$CHOICE
	# A full ring is where drivers fail.
	choose "boot $1 ring" '' '' +ring-64 +ring-16
	BOOT_DRIVER=$(able "$DRIVER")
	# Only the kernel's own driver is built anew for that: another is the user's business.
	if [[ $DRIVER == stock && -n $KERNEL_SUITE ]]; then BOOT_DRIVER+=$CHOICE; fi
}

# choose_round ROUND: sets CIPHER, and ROUND_WORDS for the guest (guest-tests/cases/soak.sh, parameters).
choose_round() {
	local word
	choose "round $1 cipher" xts xts cbc && CIPHER=$CHOICE
	ROUND_WORDS="cipher=$CIPHER"
	choose "round $1 bits" 128 256 && word=$CHOICE
	# XTS has two keys.
	if [[ $CIPHER == xts ]]; then word=$((word * 2)); fi
	ROUND_WORDS+=" bits=$word"
	# A sector is a job: as many of them, more or less.
	choose "round $1 sector" 512 512 4096 && word=$CHOICE
	ROUND_WORDS+=" sector=$word mib=$((word == 512 ? 2 : 8))"
	choose "round $1 rw" write randwrite randwrite && ROUND_WORDS+=" rw=$CHOICE"
	choose "round $1 bs" 4k 16k 64k 256k && ROUND_WORDS+=" bs=$CHOICE"
	choose "round $1 depth" 1 4 16 64 && ROUND_WORDS+=" depth=$CHOICE"
	choose "round $1 jobs" 1 2 3 && ROUND_WORDS+=" jobs=$CHOICE"
	# Reading back what was just written, while the rest is being written; or all of it at the end.
	choose "round $1 backlog" 0 0 16 && ROUND_WORDS+=" backlog=$CHOICE"
	# In whose context dm-crypt asks the driver: its threads', the caller's, the block layer's. (Not
	# no_write_workqueue: with that dm-crypt loses writes by itself; docs/findings.md, 7.)
	choose "round $1 flags" '' '' same_cpu_crypt submit_from_crypt_cpus no_read_workqueue &&
		ROUND_WORDS+="${CHOICE:+ flags=$CHOICE}"
	ROUND_WORDS+=" seed=$(((SEED + $1) % 1000000007))"
}
