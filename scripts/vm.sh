#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Runs test cases in a Linux guest whose CAAM driver works on caam-emu. See --help.
set -euo pipefail
# shellcheck source=lib/all.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/all.sh"

help() {
	cat <<HELP
usage: scripts/vm.sh [OPTION]... CASE...     run cases, print KTAP
       scripts/vm.sh [OPTION]... --shell     a prompt in the guest, driver loaded

Boots a Debian arm64 kernel in QEMU with caam-emu as its CAAM. The first run fetches what it
needs into target/vm (QEMU, kernel, guest programs: about 5 minutes); later ones take seconds.

  --kernel SERIES|IMAGE  Debian's Linux of that series: 6.1 (default), 6.12, or a newer one
                         that Debian has; or the path of an arm64 Image of your own
  --modules DIR          with --kernel IMAGE: its modules (found by themselves when the Image
                         lies in its build tree)
  --driver VARIANT|DIR   the CAAM driver: stock, a variant (--list), a folder with
                         drivers/crypto/caam sources, or one with built .ko files;
                         without it, each case takes the variant it is made for. Variants join:
                         dm-crypt-able+no-backlog, ./caam+ring-16 (ring-N: rings of N slots, 4..512)
  --patch FILE           a unified diff of drivers/crypto/caam, applied first; may be repeated
  --dm-crypt VARIANT|DIR likewise for drivers/md/dm-crypt.c
  --emu "ARGS"           arguments for 'caam-emu serve', such as "--job-rings 2 --decos 4"
  --unshared             guest memory that the emulator cannot map, so that it asks QEMU for it
  --timeout S            seconds that a guest may take (default $TIMEOUT)
  --shell                a prompt instead of cases; Ctrl-A x ends it at once
  --refresh              ask Debian for newer versions of everything fetched so far
  --list                 cases, driver variants and kernels
  --help

Exit status, for 'git bisect run': 0 all cases good, 1 a case failed, 125 could not tell
(something could not be built or set up), 2 unusable command line.

Examples:
  scripts/vm.sh selftests dm-crypt
  scripts/vm.sh --kernel 6.12 selftests
  scripts/vm.sh --driver ~/linux/drivers/crypto/caam selftests
  scripts/vm.sh --emu "--job-rings 1" --shell

Environment: CAAM_EMU_DEBIAN_MIRROR, CAAM_EMU_DEBIAN_SECURITY_MIRROR (default: from apt's
configuration), CAAM_EMU_CACHE (default: target/vm), CAAM_EMU_BINARY (a built caam-emu),
KERNEL_ARGS (appended to the guest's command line), QEMU_ARGS (for QEMU, such as "-gdb tcp::1234"),
LOAD_SECONDS (how long a case with a load of its own runs, such as faults-mix; default 60),
ATTACK_OPERATIONS and ATTACK_SEED (of the case attack), CYCLES (how often the cases reload-load and
suspend do it; default 10), RESTARTS (of the case restart, such as "reboot kexec crash"), NO_COLOR.
HELP
}

list() {
	local file name purpose
	echo "cases:"
	for file in "$REPO"/guest-tests/cases/*.sh; do
		printf '  %-16s %s (driver: %s)\n' "$(basename "$file" .sh)" "$(header "$file" purpose)" "$(header "$file" driver)"
	done
	echo "driver variants:"
	printf '  %-16s %s\n' stock "the kernel's own modules, untouched"
	for file in "$REPO"/guest-tests/drivers/*.{cocci,kbuild}; do
		name=${file##*/}
		purpose=$(header "$file" purpose)
		if [[ -n $purpose ]]; then printf '  %-16s %s\n' "${name%.*}" "$purpose"; fi
	done
	printf '  %-16s %s\n' ring-N "job rings of N slots: 4, 8, ... 512 (Debian's have 512)"
	echo "dm-crypt variants:"
	printf '  %-16s %s\n' stock "the kernel's own module, untouched"
	for file in "$REPO"/guest-tests/dm-crypt/*.cocci; do
		if [[ -e $file ]]; then printf '  %-16s %s\n' "$(basename "$file" .cocci)" "$(header "$file" purpose)"; fi
	done
	echo "kernels: 6.1 (Debian 12, default), 6.12 (Debian 13), newer series of trixie-backports and sid"
}

# header FILE KEY: a "# key: value" line of a case, "// key: value" of a semantic patch.
header() {
	sed -n "/^\(#\|\/\/\) $2: /{s,,,p;q}" "$1"
}

# headers KEY CASE...: that line of each of them.
headers() {
	local key=$1 name
	shift
	for name; do header "$REPO/guest-tests/cases/$name.sh" "$key"; done
}

TIMEOUT=300
KERNEL=$DEFAULT_KERNEL KERNEL_TREE='' DRIVER='' DM_CRYPT=stock SHELL_MODE=0 REFRESH=0
EMU_ARGS=() CASES=()

parse_arguments() {
	while (($#)); do
		case $1 in
		--kernel | --modules | --driver | --patch | --dm-crypt | --emu | --timeout)
			(($# >= 2)) || usage_error "$1 needs a value"
			case $1 in
			--kernel) KERNEL=$2 ;;
			--modules) KERNEL_TREE=$2 ;;
			--driver) DRIVER=$2 ;;
			--patch)
				[[ -f $2 && -r $2 ]] || usage_error "--patch $2: no such file"
				PATCHES+=("$(realpath "$2")")
				;;
			--dm-crypt) DM_CRYPT=$2 ;;
			--emu) read -r -a EMU_ARGS <<<"$2" ;;
			--timeout) TIMEOUT=$2 ;;
			esac
			shift
			;;
		--*=*)
			set -- "${1%%=*}" "${1#*=}" "${@:2}"
			continue
			;;
		--unshared) GUEST_MEMORY=memory-backend-ram ;;
		--shell) SHELL_MODE=1 ;;
		--refresh) REFRESH=1 ;;
		--list)
			list
			exit "$EX_GOOD"
			;;
		-h | --help)
			help
			exit "$EX_GOOD"
			;;
		-*) unknown_option "$1" ;;
		*) CASES+=("$1") ;;
		esac
		shift
	done
	local name
	local -a known
	for name in "${CASES[@]}"; do
		[[ $name != */* && -f $REPO/guest-tests/cases/$name.sh ]] && continue
		known=("$REPO"/guest-tests/cases/*.sh)
		known=("${known[@]##*/}")
		usage_error "no case named '$name'$(did_you_mean "$name" "${known[@]%.sh}")"
	done
	if ((SHELL_MODE)); then
		((${#CASES[@]} == 0)) || usage_error "--shell runs no cases: in the guest, they are in /tests/cases"
	else
		((${#CASES[@]})) || usage_error "no case given"
	fi
	[[ $TIMEOUT =~ ^[1-9][0-9]{0,5}$ ]] || usage_error "--timeout $TIMEOUT: not a number of seconds"
	check_kernel "$KERNEL" "$KERNEL_TREE"
	if [[ -n $DRIVER ]]; then check_variant drivers --driver "$DRIVER"; fi
	check_variant dm-crypt --dm-crypt "$DM_CRYPT"
}

# emu_value OPTION WORD...: what the last of these arguments says for it; nothing if none does.
emu_value() {
	local option=$1 value=''
	while shift && (($#)); do
		case $1 in
		"$option") value=${2:-} ;;
		"$option"=*) value=${1#*=} ;;
		esac
	done
	printf '%s' "$value"
}

# emulator_arguments DEFAULT...: sets ARGS: --emu's; of the DEFAULTs ("--option value" each), those
# that are not among them, or may be given more than once; then BOOT_ARGS.
emulator_arguments() {
	ARGS=("${EMU_ARGS[@]}")
	while (($#)); do
		if [[ $1 =~ ^--(fault|stall)$ || -z $(emu_value "$1" "${ARGS[@]}") ]]; then ARGS+=("$1" "${2:-}"); fi
		shift $(($# > 1 ? 2 : 1))
	done
	ARGS+=("${BOOT_ARGS[@]}")
	if ((BOOTS > 1)); then own_files; fi
}

# own_files: what the emulator writes for the user, it writes for each guest: run.json, run-2.json, ...
own_files() {
	local i name
	for ((i = 0; i < ${#ARGS[@]}; i++)); do
		if ((i)) && [[ ${ARGS[i - 1]} =~ ^--(trace|record)$ ]]; then
			name=${ARGS[i]}
		elif [[ ${ARGS[i]} =~ ^--(trace|record)=(.*)$ ]]; then
			name=${BASH_REMATCH[2]}
		else
			continue
		fi
		name=${name##*/}
		ARGS[i]=${ARGS[i]%"$name"}${name%.*}-$BOOTS$([[ $name != *.* ]] || echo ".${name##*.}")
	done
}

# attack_before CASE...: those with an "attack" header want a device that has been attacked before
# their guest boots, by so many operations (ATTACK_OPERATIONS overrides). Sets ATTACK: "-", or how
# that went: its status, and what it said.
attack_before() {
	local name operations='' status=0
	ATTACK=-
	for name; do
		operations=$(header "$REPO/guest-tests/cases/$name.sh" attack)
		if [[ -n $operations ]]; then break; fi
	done
	if [[ -z $operations ]]; then return 0; fi
	operations=${ATTACK_OPERATIONS:-$operations}
	log "attacking the device, $operations operations"
	attack_emulator "$operations" >"$LOGS/attack.log" 2>&1 || status=$?
	sed 's/^/# /' "$LOGS/attack.log"
	if ((status)); then KEEP_LOGS=1; fi
	ATTACK=$status
}

# boot VARIANT EMULATOR-ARGUMENTS CASE...: one guest with that driver.
boot() {
	local driver=$1 fifo answers failed_before=$CASES_FAILED rings
	local -a defaults ARGS
	read -r -a defaults <<<"$2"
	shift 2
	LOGS=$LOGS_TOP/boot-$((BOOTS += 1))
	mkdir -p "$LOGS"
	rm -f "$RUN/answers"
	need_variants "$driver" "$DM_CRYPT"
	need_modules "${VARIANT_DIRS[@]}"
	emulator_arguments "${defaults[@]}" --job-rings 4 --soc virt-era9
	rings=$(emu_value --job-rings "${ARGS[@]}")
	if [[ -n $EMULATOR_PID ]]; then
		# The one of the boot before, and its log goes on.
		ln "$LOGS_TOP/boot-$((BOOTS - 1))/emulator.log" "$LOGS/emulator.log"
	else
		start_emulator "${ARGS[@]}"
	fi
	attack_before "$@"
	prepare_boot "$rings" "MODE=$([[ $SHELL_MODE == 1 ]] && echo shell || echo cases)" \
		"export JOB_RINGS PROFILE=$(emu_value --soc "${ARGS[@]}") DRIVER=${driver##*/} DM_CRYPT=$([[ $DM_CRYPT == stock ]] && echo stock || echo changed) BOOT=$BOOT" \
		"export LOAD_SECONDS=$LOAD_SECONDS ATTACK=$ATTACK CYCLES=$CYCLES RESTARTS='$RESTARTS'" "CASES='$*'"
	log "booting, driver $driver"
	if ((SHELL_MODE)); then
		shell_guest || cannot_tell "QEMU ended with status $?" "its message stands above"
	else
		mkfifo "$RUN/report" "$RUN/answers"
		exec {fifo}<>"$RUN/report" {answers}<>"$RUN/answers"
		start_guest "$RUN/report" "$RUN/answers"
		# Now the only writer is QEMU: its end is the end of the report.
		exec {REPORT_FD}<"$RUN/report"
		exec {fifo}>&-
		relay_report "$REPORT_FD" "$answers" "$TIMEOUT" "$@"
		exec {REPORT_FD}<&- {answers}>&-
		rm "$RUN/report"
		wait_for_guest
		if ((!GUEST_OK || CASES_FAILED > failed_before)); then show_console "$driver"; fi
	fi
	if ((!KEEP_EMULATOR)); then end_emulator; fi
}

# boot_series DRIVER EMULATOR-ARGUMENTS CASE BOOTS: the same case in one guest after the other, each
# with an emulator of its own. BOOTS holds the arguments that each emulator gets beside --emu's,
# separated by "|"; "same" stands for the emulator of the boot before. In the guest, BOOT counts from 1,
# and what the case leaves in /carry, the next boot finds there.
boot_series() {
	local driver=$1 arguments=$2 name=$3
	local -a series panics=() kills=() restarts=()
	IFS='|' read -r -a series <<<"$4"
	IFS='|' read -r -a panics < <(header "$REPO/guest-tests/cases/$name.sh" panics) || true # most have none
	IFS='|' read -r -a kills < <(header "$REPO/guest-tests/cases/$name.sh" kills) || true
	read -r -a restarts < <(header "$REPO/guest-tests/cases/$name.sh" restarts) || true
	restarts_by "${restarts[@]}"
	rm -rf "$RUN/carry"
	for ((BOOT = 1; BOOT <= ${#series[@]}; BOOT++)); do
		CASE_SUFFIX=-boot-$BOOT
		read -r -a BOOT_ARGS <<<"${series[BOOT - 1]}"
		read -r PANIC <<<"${panics[BOOT - 1]-}" # without the blanks around it
		if [[ $PANIC == - ]]; then PANIC=''; fi
		read -r KILLS <<<"${kills[BOOT - 1]-}"
		if [[ $KILLS == - ]]; then KILLS=''; fi
		if [[ ${BOOT_ARGS[*]} == same ]]; then BOOT_ARGS=(); fi
		KEEP_EMULATOR=0
		if [[ ${series[BOOT]-} =~ ^\ *same\ *$ ]]; then KEEP_EMULATOR=1; fi
		boot "$driver" "$arguments" "$name"
	done
	rm -rf "$RUN/carry"
	restarts_by
	BOOT=1 BOOT_ARGS=() CASE_SUFFIX='' PANIC='' KILLS='' KEEP_EMULATOR=0
}

# results CASE...: how many lines of the top level they will have.
results() {
	local name boots count=0
	for name; do
		boots=$(header "$REPO/guest-tests/cases/$name.sh" boots)
		boots=${boots//[!|]/}
		count=$((count + 1 + ${#boots}))
	done
	echo "$count"
}

# A guest that said "done" powers off by itself; any other is ended.
wait_for_guest() {
	local tries
	if ((GUEST_OK)); then
		for ((tries = 0; tries < 50; tries++)); do
			any_alive "$QEMU_PID" || break
			sleep 0.1
		done
	fi
	end_guest
}

show_console() {
	{
		echo "--- the guest's console (driver $1):"
		tr -d '\r' <"$LOGS/console.log"
		echo "--- end of the guest's console"
		if [[ -s $LOGS/qemu.log ]]; then sed 's/^/qemu: /' "$LOGS/qemu.log"; fi
		if [[ -s $LOGS/emulator.log ]]; then tail -n 50 "$LOGS/emulator.log" | sed 's/^/caam-emu: /'; fi
	} >&2
}

main() {
	local name file driver arguments boots previous='' previous_arguments='' BOOTS=0 BOOT=1 KEEP_EMULATOR=0 value
	local -a group=() BOOT_ARGS=()
	parse_arguments "$@"
	install_traps
	[[ ${CYCLES:=10} =~ ^[1-9][0-9]{0,3}$ ]] || usage_error "CYCLES=$CYCLES: not a number of cycles"
	[[ ${RESTARTS:=reboot kexec crash} =~ ^(reboot|kexec|crash)(\ (reboot|kexec|crash))*$ ]] ||
		usage_error "RESTARTS='$RESTARTS': words 'reboot', 'kexec' and 'crash'"
	[[ ${LOAD_SECONDS:=60} =~ ^[1-9][0-9]{0,3}$ ]] || usage_error "LOAD_SECONDS=$LOAD_SECONDS: not a number of seconds"
	need_space 100
	use_cache "$REFRESH"
	need_commands util-linux=setpriv xz-utils=xz zstd=zstd binutils=readelf
	value=$(emu_value --job-rings "${EMU_ARGS[@]}")
	[[ ${value:-4} =~ ^[1-4]$ ]] || usage_error "--emu: --job-rings $value: 1 to 4"
	open_run
	build_emulator
	if [[ -n $(headers attack "${CASES[@]}") ]]; then build_attacker; fi
	find_qemu
	need_tools
	find_kernel "$KERNEL" "$KERNEL_TREE"
	need_userland
	if ((SHELL_MODE)); then
		boot "${DRIVER:-stock}" ''
		return
	fi
	echo "KTAP version 1"
	echo "1..$(results "${CASES[@]}")"
	# Cases in a row that want the same driver and the same emulator share a guest, but for those
	# with boots of their own.
	for name in "${CASES[@]}"; do
		file=$REPO/guest-tests/cases/$name.sh
		driver=${DRIVER:-$(header "$file" driver)}
		arguments=$(header "$file" emu)
		boots=$(header "$file" boots)
		if [[ ($driver != "$previous" || $arguments != "$previous_arguments" || -n $boots) && ${#group[@]} -gt 0 ]]; then
			boot "$previous" "$previous_arguments" "${group[@]}"
			group=()
		fi
		if [[ -n $boots ]]; then
			boot_series "$driver" "$arguments" "$name" "$boots"
		else
			group+=("$name")
		fi
		previous=$driver previous_arguments=$arguments
	done
	if ((${#group[@]})); then boot "$previous" "$previous_arguments" "${group[@]}"; fi
	if ((CANNOT_TELL)); then exit "$EX_CANNOT_TELL"; fi
	if ((CASES_FAILED)); then exit "$EX_BAD"; fi
}

main "$@"
