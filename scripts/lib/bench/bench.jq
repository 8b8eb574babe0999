# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# What the filters here share.

def median: sort | if length == 0 then null elif length % 2 == 1 then .[length / 2 | floor]
            else (.[length / 2] + .[length / 2 - 1]) / 2 end;

# Of the figures of several rounds.
def spread: {median: median, min: min, max: max, rounds: length};

# Three digits that count.
def short: if . == null then "-" else
    (if . < 0 then -. else . end) as $size
    | if $size >= 100 then round elif $size >= 10 then . * 10 | round / 10 else . * 100 | round / 100 end | tostring end;

# Whether more of it is better.
def rate: endswith("/s");
