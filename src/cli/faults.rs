//! `caam-emu faults`: rules explained, without an emulator.

use crate::fault::draw;
use crate::fault::plan::{self, Plan};
use crate::fault::rule::Rule;
use crate::fault::table::{Info, TABLE};
use crate::fault::{Faults, predict};
use clap::Args;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use thiserror::Error;

/// Keys that all kinds have, and what they mean.
const COMMON: &[(&str, &str)] = &[
    ("name=ID", "what 'ctl fault list' and after-rule call it (default: KIND-1, KIND-2, ...)"),
    ("ring=N", "job ring 0 to 3 (kinds that are about a ring)"),
    ("job=RANGE", "the ring's N-th job, from 1: 5, 5..9, 5.., ..9 (kinds that are about a job)"),
    ("alg=NAME", "an algorithm of the job, by its name in the statistics: aes-xts, hmac-sha1, rsa"),
    ("dir=encrypt|decrypt", "direction of the job"),
    ("length=RANGE", "bytes of the job's input, with K and M; with the IV, where Linux passes it"),
    ("descriptor=ADDR", "bus address of the job descriptor"),
    ("shared=HASH", "hash of the shared descriptor"),
    ("from=DURATION until=DURATION", "a time window, since the emulator was started"),
    ("occupancy=N|full", "while so many jobs are in the ring, or no more can be added"),
    ("after-rule=NAME[:N]", "once that rule has fired (N times)"),
    ("after=N", "not for the first N matches"),
    ("every=N", "for every N-th match"),
    ("nth=N", "for the N-th match only"),
    ("probability=P", "for some, by chance: 0.1 is one in ten; repeatable by --seed"),
    ("times=N, once", "no more often than that"),
];

/// Options of `faults`.
#[derive(Debug, Args)]
pub struct FaultsArgs {
    /// Explain this kind
    #[arg(value_name = "KIND", conflicts_with_all = ["check", "predict", "random"])]
    kind: Option<String>,

    /// Check a plan file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["predict", "random"])]
    check: Option<PathBuf>,

    /// Print how often the rule fires
    #[arg(long, value_name = "RULE", requires_all = ["seed", "matched"], group = "seeded")]
    predict: Option<String>,

    /// Print a plan at random that a driver without a bug must live with
    #[arg(long, requires = "seed", group = "seeded")]
    random: bool,

    /// Which of the seed's random plans, with --random
    #[arg(long, value_name = "N", requires = "random", default_value_t = 1)]
    number: u64,

    /// What jobs the rules of the random plan are about, as in alg=aes-xts,dir=encrypt
    #[arg(long, value_name = "CONDITIONS", requires = "random", default_value = "")]
    jobs: String,

    /// The emulator's seed, with --predict or --random
    #[arg(long, value_name = "N", requires = "seeded")]
    seed: Option<u64>,

    /// How often the rule matched, with --predict
    #[arg(long, value_name = "N", requires = "predict",
          value_parser = clap::value_parser!(u64).range(..=1_000_000_000))]
    matched: Option<u64>,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum Error {
    /// No such kind, or no rule.
    #[error("{0}")]
    Rule(String),
    /// The plan cannot be read, or is none.
    #[error("{path}: {reason}")]
    Plan {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl FaultsArgs {
    /// Explains.
    ///
    /// # Errors
    /// [`enum@Error`]: a line that says what is wrong.
    pub fn run(&self) -> Result<(), Error> {
        let text = if let Some(path) = &self.check {
            check(path)?
        } else if let (true, Some(seed)) = (self.random, self.seed) {
            random(seed, self.number, &self.jobs)?
        } else if let (Some(rule), Some(seed), Some(matched)) =
            (&self.predict, self.seed, self.matched)
        {
            let rule: Rule = rule.parse().map_err(|e| Error::Rule(format!("{rule}: {e}")))?;
            format!("{}\n", predict(&rule, seed, matched))
        } else {
            match &self.kind {
                Some(name) => explain(find(name)?),
                None => overview(),
            }
        };
        // Nobody has to read it to the end.
        let _ = std::io::stdout().write_all(text.as_bytes());
        Ok(())
    }
}

fn find(name: &str) -> Result<&'static Info, Error> {
    let found = TABLE.iter().find(|info| info.name == name);
    // The grammar knows how to complain.
    let unknown = || name.parse::<Rule>().map_or_else(|e| e.to_string(), |_| String::new());
    found.ok_or_else(|| Error::Rule(unknown()))
}

fn check(path: &std::path::Path) -> Result<String, Error> {
    let error = |reason: String| Error::Plan { path: path.to_owned(), reason };
    let text = std::fs::read_to_string(path).map_err(|e| error(e.to_string()))?;
    let plan = Plan::parse(&text).map_err(|e| error(e.to_string()))?;
    let fields: Vec<_> = plan.rules.iter().map(|entry| entry.fields.clone()).collect();
    let faults = Faults::new(plan.seed.unwrap_or(0), crate::device::MAX_RINGS);
    faults.add_all(&fields).map_err(|(i, problem, key)| {
        error(plan.rules[i].error(&problem, key.as_deref()).to_string())
    })?;
    Ok(faults.list().iter().fold(String::new(), |text, report| text + &report.rule + "\n"))
}

fn random(seed: u64, number: u64, jobs: &str) -> Result<String, Error> {
    if i64::try_from(seed).is_err() {
        return Err(Error::Rule(format!("--seed {seed}: TOML's numbers end at {}", i64::MAX)));
    }
    let rules = draw::plan(seed, number, jobs);
    Ok(plan::write(seed, &rules.map_err(|e| Error::Rule(format!("--jobs {jobs}: {e}")))?))
}

// Writing to a string cannot fail.
fn overview() -> String {
    let mut text = "Kinds (caam-emu faults KIND has the keys of each):\n".to_owned();
    for info in TABLE {
        let _ = writeln!(text, "  {:<15} {}", info.name, info.summary);
    }
    let _ = writeln!(text, "\nKeys of all kinds, to say which events and when:");
    for (key, help) in COMMON {
        let _ = writeln!(text, "  {key:<29} {help}");
    }
    text
}

fn explain(info: &Info) -> String {
    let mut text = format!("{}: {}\n", info.name, info.summary);
    for key in info.keys {
        let _ = writeln!(text, "  {:<12} {}", key.name, key.help);
    }
    let rule: Option<Rule> = info.example.parse().ok();
    if let Some(rule) = rule {
        let _ = writeln!(text, "Asked for at each {}.", rule.kind.site().event());
    }
    let _ = writeln!(text, "Costs a driver without a bug: {}.", info.toll.text());
    let _ = writeln!(text, "Example: {}", info.example);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_told() {
        for info in TABLE {
            assert!(overview().contains(info.name));
            let text = explain(find(info.name).expect("a kind"));
            assert!(text.contains("Asked for at each ") && text.contains(info.example), "{text}");
            assert!(text.contains(info.toll.text()), "{text}");
            for key in info.keys {
                assert!(text.contains(key.name) && text.contains(key.help));
            }
        }
    }

    #[test]
    fn random_plans_are_plans() {
        let text = random(7, 3, "alg=aes-xts").expect("a plan");
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), &text).expect("written");
        let rules = check(file.path()).expect("a plan");
        assert_eq!(rules.lines().count(), text.matches("[[rule]]").count());
        let error = random(u64::MAX, 1, "").expect_err("too large for TOML").to_string();
        assert!(error.contains("--seed 18446744073709551615"), "{error}");
        let error = random(1, 1, "alg=aes").expect_err("no algorithm").to_string();
        assert!(error.starts_with("--jobs alg=aes: "), "{error}");
    }

    #[test]
    fn unknown_kinds_and_bad_plans_are_told() {
        let error = find("stal").expect_err("no kind").to_string();
        assert!(error.contains("did you mean 'stall'?"), "{error}");
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "[[rule]]\nkind = \"irq-lost\"\nring = 9\n").expect("written");
        let error = check(file.path()).expect_err("ring 9").to_string();
        assert!(error.contains("line 3, column 1: ring=9"), "{error}");
        std::fs::write(file.path(), "[[rule]]\nkind = \"irq-lost\"\n").expect("written");
        assert_eq!(check(file.path()).expect("a plan"), "irq-lost:name=irq-lost-1\n");
        assert!(check(std::path::Path::new("/nowhere")).is_err());
    }
}
