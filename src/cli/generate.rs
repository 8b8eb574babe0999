//! `caam-emu completions` and `caam-emu man`: made from the command line's own definition.

use super::Cli;
use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Options of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell that is to complete
    shell: Shell,
}

/// Options of `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write a page for each command there; the folder is made if need be
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Why there is nothing.
#[derive(Debug, Error)]
#[error("cannot write {what}: {source}")]
pub struct Error {
    what: String,
    source: io::Error,
}

fn error(what: impl ToString) -> impl FnOnce(io::Error) -> Error {
    move |source| Error { what: what.to_string(), source }
}

/// The whole command line, as it is parsed.
fn command() -> Command {
    // No page "help" beside each command.
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    command
}

/// Writes to standard output; a reader that has gone is no error.
fn print(text: &[u8]) -> Result<(), Error> {
    match io::stdout().lock().write_all(text) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(error("the result")(e)),
        _ => Ok(()),
    }
}

fn completions(shell: Shell) -> Vec<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "caam-emu", &mut text);
    if shell != Shell::Bash {
        return text;
    }
    // clap_complete 4.6 writes the dash of the program's name in two ways, so that bash completes
    // nothing behind a subcommand (clap issue 6421).
    let text = String::from_utf8(text).expect("a script is text");
    text.replace("caam__subcmd__emu", "caam__emu").into()
}

/// Name and text of the page of each command.
fn pages() -> Vec<(String, Vec<u8>)> {
    fn add(pages: &mut Vec<(String, Vec<u8>)>, command: &Command) {
        let source = concat!("caam-emu ", env!("CARGO_PKG_VERSION"));
        let man = Man::new(command.clone()).source(source).manual("caam-emu");
        let mut text = Vec::new();
        page(&man, command, &mut text).expect("writing to a vector cannot fail");
        pages.push((man.get_filename(), text));
        command.get_subcommands().for_each(|command| add(pages, command));
    }
    let mut pages = Vec::new();
    add(&mut pages, &command());
    pages
}

fn page(man: &Man, command: &Command, out: &mut Vec<u8>) -> io::Result<()> {
    man.render_title(out)?;
    man.render_name_section(out)?;
    man.render_synopsis_section(out)?;
    man.render_description_section(out)?;
    man.render_options_section(out)?;
    if command.has_subcommands() {
        man.render_subcommands_section(out)?;
    }
    let Some(below) = command.get_after_help() else { return Ok(()) };
    // Line by line as it stands: it has tables and commands.
    let mut roff = Roff::default();
    roff.control("SH", ["NOTES"]).control("nf", []);
    for line in below.to_string().lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []).to_writer(out)
}

impl CompletionsArgs {
    /// Prints the script.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn run(&self) -> Result<(), Error> {
        print(&completions(self.shell))
    }
}

impl ManArgs {
    /// Prints the first page, or writes all.
    ///
    /// # Errors
    /// What cannot be written, and why.
    pub fn run(&self) -> Result<(), Error> {
        match &self.dir {
            Some(dir) => write_pages(dir),
            None => print(&pages()[0].1),
        }
    }
}

fn write_pages(dir: &Path) -> Result<(), Error> {
    fs::create_dir_all(dir).map_err(error(dir.display()))?;
    for (name, text) in pages() {
        let path = dir.join(name);
        fs::write(&path, text).map_err(error(path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;
    use std::collections::BTreeMap;

    /// Every command with the words that lead to it.
    fn commands() -> Vec<(Vec<String>, Command)> {
        fn add(all: &mut Vec<(Vec<String>, Command)>, words: &[String], command: &Command) {
            let words = [words, &[command.get_name().to_owned()]].concat();
            all.push((words.clone(), command.clone()));
            command.get_subcommands().for_each(|command| add(all, &words, command));
        }
        let mut all = Vec::new();
        add(&mut all, &[], &command());
        all
    }

    #[test]
    fn every_command_has_a_page_with_each_option_and_its_text() {
        let pages: BTreeMap<_, _> = pages().into_iter().collect();
        assert_eq!(pages.len(), commands().len());
        for (words, command) in commands() {
            let name = words.join("-") + ".1";
            let page = pages.get(&name).unwrap_or_else(|| panic!("no page {name}"));
            // As roff shows it: dashes are escaped, and the apostrophe is a string of its own.
            let page = String::from_utf8(page.clone()).expect("text");
            let page = page.replace("\\*(Aq", "'").replace('\\', "");
            assert!(page.contains(".TH "), "{name}");
            assert!(command.get_about().is_some(), "{name} says nothing about itself");
            for argument in command.get_arguments() {
                if let Some(long) = argument.get_long() {
                    assert!(page.contains(&format!("--{long}")), "{name}: --{long}");
                }
                if argument.get_id() == "help" {
                    // It says something else where only a summary is shown.
                    continue;
                }
                let help = argument.get_help().expect("a text for each option").to_string();
                let first = help.lines().next().unwrap_or_default();
                assert!(!first.is_empty() && page.contains(first), "{name}: {first}");
            }
        }
    }

    #[test]
    fn every_shell_completes_every_command_and_option() {
        for shell in Shell::value_variants() {
            let text = String::from_utf8(completions(*shell)).expect("text");
            for (words, command) in commands() {
                assert!(text.contains(&words[words.len() - 1]), "{shell}: {words:?}");
                for argument in command.get_arguments() {
                    if let Some(long) = argument.get_long() {
                        assert!(text.contains(long), "{shell}: {words:?} --{long}");
                    }
                }
            }
        }
    }

    #[test]
    fn bash_completes_behind_subcommands() {
        let dir = tempfile::tempdir().expect("a folder");
        let script = dir.path().join("caam-emu");
        fs::write(&script, completions(Shell::Bash)).expect("written");
        let complete = |words: &[&str]| {
            let (last, before) = (words.len() - 1, words[words.len() - 2]);
            // As bash calls it: the function's name, then command, word and the one before.
            let program = format!(
                "source '{}'; COMP_WORDS=({}); COMP_CWORD={last}; function=$(complete -p caam-emu); \
                 function=${{function#*-F }}; ${{function%% *}} caam-emu {} {before}; \
                 echo \"${{COMPREPLY[@]}}\"",
                script.display(),
                words.join(" "),
                words[last],
            );
            let output = std::process::Command::new("bash").args(["-c", &program]).output();
            let output = output.expect("bash, which scripts/ needs too");
            assert!(output.stderr.is_empty(), "{output:?}");
            String::from_utf8(output.stdout).expect("words").trim().to_owned()
        };
        assert_eq!(complete(&["caam-emu", "ser"]), "serve");
        assert_eq!(complete(&["caam-emu", "ctl", "fau"]), "fault");
        assert_eq!(complete(&["caam-emu", "ctl", "fault", "cl"]), "clear");
        assert_eq!(complete(&["caam-emu", "serve", "--deco"]), "--decos");
        assert_eq!(complete(&["caam-emu", "serve", "--soc", "virt-era"]), "virt-era9 virt-era10");
    }

    #[test]
    fn pages_go_where_they_are_asked_for() {
        let dir = tempfile::tempdir().expect("a folder");
        let below = dir.path().join("man/man1");
        write_pages(&below).expect("written");
        write_pages(&below).expect("and again");
        let text = fs::read_to_string(below.join("caam-emu-ctl-fault-add.1")).expect("a page");
        assert!(text.contains("Add a rule"), "{text}");
        let said = write_pages(Path::new("/dev/null/man")).expect_err("no folder").to_string();
        assert!(said.starts_with("cannot write /dev/null/man: "), "{said}");
    }
}
