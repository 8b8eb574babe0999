# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# report.html: one file that needs nothing else.
include "stress";
include "svg";

def style: "
:root { color-scheme: light dark; --line: #8886; --soft: #8882; --good: #1a7f37; --bad: #cf222e; --open: #9a6700; --jobs: #0969da }
@media (prefers-color-scheme: dark) { :root { --good: #3fb950; --bad: #f85149; --open: #d29922; --jobs: #58a6ff } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1000px; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse; font-variant-numeric: tabular-nums } .wide { overflow-x: auto }
th, td { padding: .25em .8em .25em 0; text-align: left; border-bottom: 1px solid var(--line) }
pre { background: var(--soft); padding: .8em; overflow-x: auto; font-size: 13px }
.good { color: var(--good) } .bad { color: var(--bad) } .open { color: var(--open) } .good, .bad, .open { font-weight: 600 }
section { border-top: 1px solid var(--line); margin-top: 2em }
svg { width: 100%; max-width: 760px; height: auto } .grid { stroke: var(--line); stroke-width: .5 }
.tick { fill: currentColor; font-size: 11px; opacity: .75 } .jobs { fill: none; stroke: var(--jobs); stroke-width: 1.4 }
.dead { fill: var(--bad); opacity: .12 } line.mark { stroke: var(--bad); stroke-width: 1.5 } text.mark { fill: var(--bad); font-size: 12px }
";

def class: if IN(bad[]) or . == "refuted" then "bad" elif IN("survived", "confirmed") then "good" else "open" end;
def marked: "<span class=\"\(class)\">\(@html)</span>";
def row($tag): "<tr>" + (map("<\($tag)>\(@html)</\($tag)>") | join("")) + "</tr>";

def quoted: if test("^[A-Za-z0-9_./:=,+-]+$") then . else @sh end;

# How to see it again, with what decides about it.
def repeat_with($seed): "scripts/stress.sh --kernel \($kernel | quoted) --driver \(.driver | quoted) --dm-crypt \(.dm_crypt | quoted)"
  + (if .ring == "calm" then " --depth 0 --stall none" else " --depth \($depth | quoted)" + ($stalls | split("\n") | map(select(. != "") | " --stall \(quoted)") | join("")) end)
  + ($extra | split("\n") | map(select(. != "") | " --fault \(quoted)") | join(""))
  + ($patches | split("\n") | map(select(. != "") | " --patch \(quoted)") | join(""))
  + " --seed \($seed)";

def device: "<table>"
  + ([["jobs taken", .jobs], ["ended with an error", .failed], ["at most in the ring", .deepest], ["times the ring was full", .full],
      ["IRSAR reads that gave 0", .refused], ["in the ring at the end", .device.occupancy],
      ["idle at the end for", "\(.idle_seconds | short) s"],
      ["last descriptor, status", "\(.device.last_job.descriptor // "-"), \(.device.last_job.status // "-")"]]
     | map("<tr><td>\(.[0] | @html)</td><td>\(.[1] | tostring | @html)</td></tr>") | join(""))
  + "</table>";

def run_section($seed):
  "<p>\(.verdict | marked)\(if .reason != "" then ": \(.reason | @html)" else "" end)</p>",
  plot,
  (if .trace != [] then "<h4>\(if .verdict == "crashed" then "The guest's last words" else "The guest's hung-task report" end)</h4><pre>\(.trace | join("\n") | @html)</pre>" else empty end),
  "<h4>The device's view</h4>\(device)",
  "<h4>To repeat it</h4><pre>\(repeat_with($seed) | @html)</pre>",
  (if .faults != [] then "<p>Faults of the device, seed \($seed):</p><pre>\(.faults | join("\n") | @html)</pre>" else "<p>No faults.</p>" end),
  "<p>Logs: <code>logs/\(.logs | @html)/</code> (console.log: the guest's kernel; device.log: the device's statistics; emulator.log)</p>";

. as $all
| "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">",
  "<title>caam-emu: \(.verdict | @html)</title><style>\(style)</style>",
  "<h1>\(if .judged then .verdict | marked else "The lock-up of 2015: \(.verdict | @html)" end)</h1>",
  "<p>Linux \(.kernel | @html)\(if .kernel_package != "" then " (Debian \(.kernel_package | @html))" else "" end), \(.emulator | @html), seed \(.seed).<br><code>\(.command | @html)</code></p>",
  "<div class=\"wide\"><table>", (.runs | cells | (.[0] | row("th")), (.[1:][] | row("td"))), "</table></div>",
  "<p>after: from the first job to the last. deepest, at once: jobs in the ring, at most and on average while there were any. refused: IRSAR reads that gave 0. ring calm: no faults; full: with those below.</p>",
  (if .claims != [] then "<h2>What was said, and what is</h2><ol>",
    (.claims[] | "<li>\(.state | marked): \(.claim | @html).<br>\(.evidence | @html).</li>"), "</ol>" else empty end),
  (.not_run[] | "<p class=\"open\">Not run: driver \(.driver | @html), dm-crypt \(.dm_crypt | @html): \(.cause | @html)</p>"),
  (if .backlog != [] then "<h2>What the driver tells its callers</h2>",
    (.backlog[] | "<p>Driver \(.driver | @html):</p><pre>\(.counts | to_entries | map("\(.key) \(.value)") | join(", ") | @html)\n\(.examples | join("\n") | @html)</pre>") else empty end),
  ($all.table[] | . as $line
    | [$all.runs[] | select(key == ($line | key))] as $runs
    # The worst stands for all.
    | ($runs | map(select(.verdict | IN(bad[]))) | first) // $runs[0]
    | "<section><h2>Driver \(.driver | @html), dm-crypt \(.dm_crypt | @html), ring \(.ring)</h2>",
      run_section($all.seed),
      (if ($runs | length) > 1 then "<details><summary>All \($runs | length) runs</summary>",
        ($runs[] | "<p>\(.verdict | marked)</p>", plot), "</details>" else empty end),
      "</section>"),
  "<p>Seconds: \(.seconds | to_entries | map("\(.key) \(.value)") | join(", ")).</p></html>"
