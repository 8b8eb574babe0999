# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=sh
#
# KTAP from within a case: subtests on stdout, plan first, and an exit status that says
# whether all were good.

KTAP_COUNT=0
KTAP_FAILED=0

# ktap_plan N
ktap_plan() {
	KTAP_PLANNED=$1
	echo "KTAP version 1"
	echo "1..$1"
}

# ktap_diag TEXT...
ktap_diag() {
	echo "# $*"
}

# ktap_result STATUS NAME
ktap_result() {
	KTAP_COUNT=$((KTAP_COUNT + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $KTAP_COUNT $2"
	else
		KTAP_FAILED=$((KTAP_FAILED + 1))
		echo "not ok $KTAP_COUNT $2"
	fi
}

# ktap_test NAME COMMAND...: the command's status decides. Its output goes to the console;
# what it has to say to the reader, it says with `because`.
ktap_test() {
	ktap_name=$1
	shift
	: >/tmp/because
	"$@" >/dev/console 2>&1
	ktap_status=$?
	if [ "$ktap_status" -ne 0 ] && [ ! -s /tmp/because ]; then echo "status $ktap_status; see the console" >/tmp/because; fi
	sed 's/^/# /' /tmp/because
	ktap_result "$ktap_status" "$ktap_name"
}

# because TEXT...: a line of explanation for the current test.
because() {
	echo "$*" >>/tmp/because
	echo "$*"
}

# ktap_end: exits with the case's verdict.
ktap_end() {
	[ "$KTAP_COUNT" -eq "$KTAP_PLANNED" ] || {
		ktap_diag "$KTAP_COUNT tests ran, $KTAP_PLANNED were planned"
		exit 1
	}
	[ "$KTAP_FAILED" -eq 0 ]
	exit
}
