# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# What the other files here share: words and sums over runs.

def short: if . == null then "-" elif . >= 100 then round | tostring else (. * 10 | round / 10 | tostring) end;

def median: sort | if length == 0 then null elif length % 2 == 1 then .[length / 2 | floor]
            else (.[length / 2] + .[length / 2 - 1]) / 2 end;

# Runs of one driver and dm-crypt, of one kind, as one line of the table.
def combined:
  . as $runs
  | (map(.verdict) | group_by(.) | map({verdict: .[0], count: length}) | sort_by(-.count)) as $verdicts
  | {
      driver: .[0].driver, dm_crypt: .[0].dm_crypt, ring: .[0].ring, runs: length,
      verdicts: $verdicts,
      seconds: (map(select(.verdict == "deadlock") | .seconds) | median),
      longest: (map(select(.verdict == "deadlock") | .seconds) | max),
      jobs: (map(.jobs) | median),
      deepest: (map(.deepest) | max),
      at_once: (map(.at_once) | median),
      full: (map(.full) | median),
      refused: (map(.refused) | median),
      mb_per_s: (map(.mb_per_s | select(. != null)) | median)
    };

def key: [.driver, .dm_crypt, .ring];

# In the order of their first run.
def table: . as $rows | reduce map(key)[] as $k ([]; if index([$k]) then . else . + [$k] end)
           | map(. as $k | [$rows[] | select(key == $k)] | combined);

def verdict_text: if .runs == 1 then .verdicts[0].verdict
                  else .verdicts | map("\(.verdict) \(.count)/" + (.of | tostring)) | join(", ") end;

# The lines of the table: heading first.
def cells: [["driver", "dm-crypt", "ring", "verdict", "after", "jobs", "deepest", "at once", "times full", "refused", "MB/s"]]
  + (table | map(. as $line | [.driver, .dm_crypt, .ring, (.verdicts |= map(.of = $line.runs) | verdict_text),
      (if .seconds == null then "-" else "\(.seconds | short) s" end),
      (.jobs | short), (.deepest | short), (.at_once | short), (.full | short), (.refused | short), (.mb_per_s | short)]));

def bad: ["deadlock", "corrupt", "errors", "crashed", "stuck"];
