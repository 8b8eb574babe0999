# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# The driver that dm-crypt takes. (Not in variant.sh: the keys of built variants depend on that file.)

# able DRIVER: the variant of it that dm-crypt takes.
able() {
	local sources=$1
	# Nobody but its developer can build for a kernel of his own.
	if [[ -z $KERNEL_SUITE ]]; then
		echo "$1"
		return 0
	fi
	case $1 in
	stock) echo dm-crypt-able ;;
	*/*)
		sources=${1%%+*}
		# Built modules stay as they are; and so do sources that set no such flag.
		if [[ -z $(compgen -G "$sources/*.c") ]] || ! grep -q CRYPTO_ALG_ALLOCATES_MEMORY "$sources"/*.c; then
			echo "$1"
		else
			echo "$1+dm-crypt-able"
		fi
		;;
	*dm-crypt-able*) echo "$1" ;;
	*) echo "dm-crypt-able+$1" ;;
	esac
}
