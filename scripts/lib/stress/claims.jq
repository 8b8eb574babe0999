# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# What was said in 2015, and what the runs say to it. Input: the results. Output: a list of claims,
# each confirmed, refuted, or unsettled where nothing was measured that could tell.
include "stress";

def of($driver; $dm_crypt; $ring): [.runs[] | select(.driver == $driver and .dm_crypt == $dm_crypt
                                     and ($ring == null or .ring == $ring))];
def told($driver): [.backlog[] | select(.driver == $driver)] | first;
def n($what): "\(length) of \($what)";
def state($known; $true): if $known | not then "unsettled" elif $true then "confirmed" else "refuted" end;

. as $all
| of("no-backlog"; "stock"; "full") as $dead
| ($dead | map(select(.verdict == "deadlock"))) as $deadlocks
| of("no-backlog"; "wait-each"; null) as $hidden
| of("stock"; "stock"; null) as $fixed
| of("stock"; "wait-each"; null) as $slow
| (of("stock"; "stock"; "calm") | map(.mb_per_s // empty) | median) as $fast_speed
| (of("stock"; "wait-each"; "calm") | map(.mb_per_s // empty) | median) as $slow_speed
| told("no-backlog") as $old | told("stock") as $new
| [
    { id: "busy-is-not-kept",
      claim: "the driver of 2015 returns -EBUSY from a full ring and does not keep the request",
      state: state($old != null and $old.counts.busy > 0; $old.counts.silent == $old.counts.busy and $old.counts.lost == 0),
      evidence: (if $old then "\($old.counts.busy) of \($old.counts.submitted) requests got -EBUSY; \($old.counts.silent) of them were never called back" else "the driver was not asked" end) },
    { id: "dm-crypt-waits-forever",
      claim: "dm-crypt then waits for a completion that never comes",
      state: state($dead | any(.full > 0); $deadlocks | length == ($dead | map(select(.full > 0)) | length)),
      evidence: "\($deadlocks | n($dead | length)) runs with the ring kept full: a task hangs in crypt_convert, I/O stands still, the device has nothing to do" },
    { id: "locks-up-under-load",
      claim: "heavy load locks it up (on hardware within 1-2 minutes; here within 5 seconds)",
      state: state($dead | any(.full > 0); ($deadlocks | length > 0) and ($deadlocks | all(.seconds < 5))),
      evidence: (if $deadlocks == [] then "no deadlock" else "after \($deadlocks | map(.seconds) | median | short) s of I/O (median), at most \($deadlocks | map(.seconds) | max | short) s" end) },
    { id: "wait-each-hides-it",
      claim: "a dm-crypt that waits for each request (0618764cb25f) hides it: the ring never fills",
      state: state($hidden | length > 0; $hidden | all(.verdict == "survived" and .full == 0)),
      evidence: (if $hidden == [] then "not run" else "\($hidden | map(select(.verdict == "survived")) | n($hidden | length)) runs of that driver survive, with at most \($hidden | map(.deepest) | max) jobs in the ring" end) },
    { id: "wait-each-costs-parallelism",
      claim: "and it costs a correct driver its parallelism and speed",
      state: state($fast_speed != null and $slow_speed != null;
                   ($slow_speed // 0) < 0.7 * ($fast_speed // 0) and ($slow | map(.deepest) | max) < ($fixed | map(.deepest) | max) / 4),
      evidence: (if $fast_speed and $slow_speed then "\($fast_speed | short) MB/s with up to \($fixed | map(.deepest) | max) jobs in the ring become \($slow_speed | short) MB/s with up to \($slow | map(.deepest) | max): \($fast_speed / $slow_speed | short) times slower" else "no speed was measured" end) },
    { id: "backlog-in-the-driver-fixes-it",
      claim: "backlogging in the driver fixes it: -EBUSY, then -EINPROGRESS when taken up, then the result",
      state: state(($fixed | any(.full > 0)) and $new != null and $new.counts.busy > 0;
                   ($fixed | all(.verdict == "survived" or .verdict == "inconclusive")) and ($fixed | any(.verdict == "survived"))
                   and $new.counts["in-order"] == $new.counts.busy and $new.counts.lost + $new.counts.silent + $new.counts.odd == 0),
      evidence: ("\($fixed | map(select(.verdict == "survived")) | n($fixed | length)) runs survive a full ring"
                 + (if $new then "; \($new.counts["in-order"]) of \($new.counts.busy) requests with -EBUSY heard both in that order" else "" end)) }
  ]
