# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=sh
#
# purpose: a job ring is unbound through sysfs while dm-crypt has a mapping on it: the driver's oops
# driver: dm-crypt-able
# emu: --job-rings 1 --decos 2
# boots: --seed 1
# panics: pc : skcipher_crypt+
#
# Linux lets nobody unload a module in use, but unbinds a device when it is told to (docs/findings.md, 6).
# Here no job is under way then: with some, how the guest dies is chance.

# shellcheck source=../lib/ktap.sh
. /tests/lib/ktap.sh
# shellcheck source=../lib/caam.sh
. /tests/lib/caam.sh
# shellcheck source=../lib/faults.sh
. /tests/lib/faults.sh
# shellcheck source=../lib/dmcrypt.sh
. /tests/lib/dmcrypt.sh
# shellcheck source=../lib/world.sh
. /tests/lib/world.sh

unbound() {
	# By itself the kernel would go on without whoever it was that met the oops.
	echo 1 >/proc/sys/kernel/panic_on_oops
	listen
	basename /sys/bus/platform/drivers/caam_jr/*.jr >/sys/bus/platform/drivers/caam_jr/unbind
	said 'remove callback returned a non-zero value. This will be ignored.'
}

ktap_plan 3
ktap_test disk-verified disk_verified
ktap_test ring-unbound unbound
ktap_test jobs-add-up balanced
drain
# What it dies of, its console shows.
read_sectors >/dev/console 2>&1
ktap_end
