# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The books of a round: what is wrong with them, one line, the worst first; nothing if they balance.
# $before, $after: the device's statistics; $faults: its rules, with their counts; $status, $errors,
# $corrupt: how fio ended, its I/O errors, its complaints about data.

def sum($of; $field): [$of[0].rings[][$field]] | add;
def grown($field): sum($after; $field) - sum($before; $field);

(grown("failed")) as $failed
| ([$faults[0].rules[] | select(.toll == "job") | .fired] | add // 0) as $asked
| ([$after[0].rings[] | .pending + .in_flight + .waiting] | add) as $held
| [ (select($corrupt > 0) | "corrupt data: \($corrupt) complaints of fio's verify"),
    (select(grown("errors") > 0) | "\(grown("errors")) ring errors"),
    (select(grown("lost") > 0) | "\(grown("lost")) jobs lost: their result was never written"),
    (select($failed > $asked) | "\($failed) jobs failed, but faults asked for \($asked) at most"),
    (select($failed > 0 and $errors == 0) | "\($failed) jobs failed, but no I/O error was reported"),
    (select($failed == 0 and $errors > 0) | "\($errors) I/O errors, although no job failed"),
    (select($errors == 0 and $status != 0) | "fio ended with status \($status)"),
    (select(grown("jobs") == 0) | "the device did nothing"),
    (select($held > 0) | "\($held) jobs still in the rings"),
    (select(any($after[0].rings[]; .added != .succeeded + .failed + .lost))
      | "jobs in the rings: \(sum($after; "added")) added, \(sum($after; "succeeded")) succeeded, \(sum($after; "failed")) failed, \(sum($after; "lost")) lost")
  ] | first // empty
