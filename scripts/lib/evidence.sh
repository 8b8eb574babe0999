# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# What the guest's kernel says on its console ($LOGS/console.log).

# console_size: in bytes.
console_size() {
	stat -c %s "$LOGS/console.log"
}

# console_from BYTES: what came after them, without carriage returns and time stamps.
console_from() {
	tail -c +"$(($1 + 1))" "$LOGS/console.log" | tr -d '\r' | sed 's/^.*\[ *[0-9]*\.[0-9]*\] //'
}

# hung_task FROM: the first hung-task report after so many bytes whose stack has crypt_convert, all
# of its lines; status 1 if there is none.
hung_task() {
	console_from "$1" | awk '
		function judge() { if (text ~ /crypt_convert/ && !found++) printf "%s", text; text = "" }
		/^INFO: task .* blocked for more than/ { judge(); inside = 1 }
		inside && !/^(INFO: task|      |"echo|task:|Workqueue:|Call trace:| )/ { judge(); inside = 0 }
		inside { text = text $0 "\n" }
		END { judge(); exit !found }'
}

# kernel_crash FROM: the line with which the kernel says so, after so many bytes.
kernel_crash() {
	# To the end of the input: a reader that leaves early can make the writer, and so (pipefail)
	# the answer, fail.
	console_from "$1" | awk '
		!found && /Kernel panic|kernel BUG at|Unable to handle kernel|Internal error:|^BUG: |Oops|rcu:.*self-detected stall/ {
			print
			found = 1
		}
		END { exit !found }'
}

# crash_trace FROM: the crash's line, where it was (pc), and its call trace.
crash_trace() {
	local line
	line=$(kernel_crash "$1") || return
	printf '%s\n' "$line"
	console_from "$1" | awk -v line="$line" '
		$0 == line { after = 1; next }
		!after { next }
		/^pc : / { print }
		/^Call trace:/ { inside = 1; print; next }
		inside && /^ / { print; next }
		inside { inside = after = 0; line = "" }'
}

# kernel_warning FROM: the first warning after so many bytes.
kernel_warning() {
	console_from "$1" | awk '
		!found && /^WARNING: |caam_jr [^ ]*: [0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]: / {
			print
			found = 1
		}
		END { exit !found }'
}
