# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Ring occupancy over time as an inline SVG.
include "stress";

def tidy: . * 10 | round / 10;

# Four to eight round steps for an axis that ends at the input.
def step: . as $end | ($end / 5 | if . <= 0 then 1 else . end) as $raw
  | ($raw | log10 | floor | pow(10; .)) as $unit
  | [1, 2, 5, 10] | map(. * $unit) | map(select(. >= $raw)) | first;
def ticks: . as $end | step as $step | [range(0; $end + $step / 1000; $step)];

def plot:
  . as $run
  | 680 as $width | 200 as $height | 46 as $left | 14 as $top | 620 as $w | 150 as $h
  | ([.occupancy[][0]] | max // 0 | [., 0.1] | max) as $last
  | ([.deepest, .device.input_size, 4] | max) as $most
  | def x: $left + ([., 0] | max) / $last * $w | tidy;
    def y: $top + $h - . / $most * $h | tidy;
    (.occupancy | map(select(.[0] >= 0))) as $points
  | "<svg viewBox=\"0 0 \($width) \($height)\" role=\"img\" aria-label=\"jobs in the ring over time\">",
    ($most | ticks[] | "<line class=\"grid\" x1=\"\($left)\" x2=\"\($left + $w)\" y1=\"\(y)\" y2=\"\(y)\"/><text class=\"tick\" x=\"\($left - 6)\" y=\"\(y + 4 | tidy)\" text-anchor=\"end\">\(.)</text>"),
    ($last | ticks[] | "<text class=\"tick\" x=\"\(x)\" y=\"\($top + $h + 16)\" text-anchor=\"middle\">\(. * 100 | round / 100) s</text>"),
    (if .verdict == "deadlock" then
      "<rect class=\"dead\" x=\"\(.seconds | x)\" y=\"\($top)\" width=\"\($left + $w - (.seconds | x) | tidy)\" height=\"\($h)\"/>" else empty end),
    "<path class=\"jobs\" d=\"M\(0 | x) \(0 | y)\($points | map("H\(.[0] | x)V\(.[1] | y)") | join(""))\"/>",
    (if .verdict == "deadlock" then
      "<line class=\"mark\" x1=\"\(.seconds | x)\" x2=\"\(.seconds | x)\" y1=\"\($top)\" y2=\"\($top + $h)\"/>",
      "<text class=\"mark\" x=\"\((.seconds | x) + (if (.seconds | x) > $left + $w / 2 then -6 else 6 end))\" y=\"\($top + 12)\" text-anchor=\"\(if (.seconds | x) > $left + $w / 2 then "end" else "start" end)\">deadlock: no job after \(.seconds * 100 | round / 100) s</text>"
     else empty end),
    "</svg>";
