# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The ratios of results.json as bars, on a logarithmic axis: 1 is "as fast as the other".
include "bench";

def tidy: . * 10 | round / 10;
def least: 0.125;
def most: 16;
def x: [[., least] | max, most] | min | (log2 - (least | log2)) / ((most | log2) - (least | log2)) * 420 + 400 | tidy;
def title: "\(.group)\(if .name == "caam-emu" then "" else ", " + .name end) / \(.other.name)";

[.rows[] | select(.ratio)] as $rows
| ($rows | length) as $count
| (60 + 16 * $count) as $height
| "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 960 \($height)\" font-family=\"system-ui, sans-serif\" font-size=\"11\">",
  "<rect width=\"960\" height=\"\($height)\" fill=\"#fff\"/>",
  "<text x=\"10\" y=\"18\" font-size=\"13\">\("\(.machine.model), \(.machine.cores) cores, \(.machine.date)\(if .quick then ", quick" else "" end)" | @html): times as fast as the other; line: extremes</text>",
  (0.125, 0.25, 0.5, 1, 2, 4, 8, 16
   | "<line x1=\"\(x)\" x2=\"\(x)\" y1=\"40\" y2=\"\($height - 12)\" stroke=\"\(if . == 1 then "#444" else "#ddd" end)\"/><text x=\"\(x)\" y=\"36\" text-anchor=\"middle\" fill=\"#555\">\(.)</text>"),
  ($rows | to_entries[] | (46 + 16 * .key) as $y | .value
   | (if .met == false then "#cf222e" elif .met then "#1a7f37" else "#57606a" end) as $color
   | ([1, .ratio.median] | min | x) as $left | ([1, .ratio.median] | max | x) as $right
   | "<text x=\"392\" y=\"\($y + 9)\" text-anchor=\"end\">\(title | @html)</text>",
     "<rect x=\"\($left)\" y=\"\($y)\" width=\"\([$right - $left, 1] | max | tidy)\" height=\"10\" fill=\"\($color)\"/>",
     "<line x1=\"\(.ratio.min | x)\" x2=\"\(.ratio.max | x)\" y1=\"\($y + 5)\" y2=\"\($y + 5)\" stroke=\"#000\" stroke-width=\"1\"/>",
     "<text x=\"832\" y=\"\($y + 9)\" fill=\"\($color)\">\(.ratio.median | short)\(if .goal != "" then ", goal \(.goal | @html)" else "" end)</text>"),
  "</svg>"
