# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# A developer's patch of the CAAM driver, as `git diff`, `git format-patch` or `diff -u` make it,
# with the paths of a kernel tree, or of any folder above or at the driver's.

# diff_paths FILE: the files that it changes, a line each. (A "--- " may also be a line that a hunk
# takes out; a header has "+++ " and "@@ " right after it.)
diff_paths() {
	awk '{ sub(/\r$/, "") }
		/^@@ / && new != "" { print new == "/dev/null" ? old : new }
		/^\+\+\+ / && old != "" { new = path($0); next }
		{ new = ""; old = /^--- / ? path($0) : "" }
		function path(line) { line = substr(line, 5); sub(/\t.*/, "", line); return line }' "$1"
}

# driver_path PATH: its depth, if it can be a file of the driver's folder: it lies in a folder caam,
# or there is nothing but a prefix (as in a/jr.c).
driver_path() {
	local folder=''
	if [[ $1 == */* ]]; then folder=${1%/*}; fi
	if [[ $folder != caam && $folder != */caam && $folder == */* ]]; then return 1; fi
	folder=${1//[^\/]/}
	echo "${#folder}"
}

# apply_diff FILE DIR: to the driver's sources in DIR. On failure, says what was rejected.
apply_diff() {
	local file=$1 dir=$2 name=${1##*/} path depth strip='' seen=0 status=0
	while read -r path; do
		seen=1
		if ! depth=$(driver_path "$path") || [[ ${strip:=$depth} != "$depth" ]]; then
			echo "error: $name changes $path, which is not of the driver (drivers/crypto/caam)"
			return 1
		fi
	done < <(diff_paths "$file")
	if ((!seen)); then
		echo "error: $name holds no unified diff"
		return 1
	fi
	patch --directory="$dir" --strip="$strip" --batch --forward --no-backup-if-mismatch --input="$file" \
		>"$dir.patch" 2>&1 || status=$?
	if ((status)); then
		echo "error: $name does not apply: $(first_failure "$dir.patch")"
		cat "$dir.patch"
		find "$dir" -name '*.rej' -exec cat {} +
		return 1
	fi
	cat "$dir.patch"
}

# first_failure OUTPUT: which file, which hunk, as `patch` has said it.
first_failure() {
	awk '/^patching file / { file = substr($0, 15) ": " }
		/FAILED|Skipping|ignored|an.t find|^patch: / { print file $0; found = 1; exit }
		END { if (!found) print $0 }' "$1"
}
