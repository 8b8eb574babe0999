# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# A run in one line, for people.
include "stress";

.verdict + (if .verdict == "deadlock" then " \(.seconds | short) s after the first job" else "" end)
+ ": \(.jobs) jobs, at most \(.deepest) in the ring, full \(.full) times, \(.refused) refused"
+ (if .mb_per_s then ", \(.mb_per_s | short) MB/s" else "" end)
+ (if .reason != "" then " (\(.reason))" else "" end)
