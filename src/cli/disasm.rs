//! `caam-emu disasm` and `caam-emu asm`: descriptors as text, and back.

use crate::descriptors::text::asm::{AsmError, assemble};
use crate::descriptors::text::input::{self, Found, InputError, Order};
use crate::descriptors::text::listing::{Listing, bare, descriptor};
use crate::descriptors::text::render::Style;
use crate::device::soc::{PROFILES, PointerSize, SocProfile};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Longest input, in bytes: a kernel log may be long, an endless one is not read to its end.
const LONGEST: u64 = 64 << 20;

/// Which device a descriptor is for.
#[derive(Debug, Args)]
pub struct DeviceArgs {
    /// SoC profile: pointer size, word order, Era
    #[arg(long, value_name = "PROFILE", default_value = PROFILES[0].name,
          value_parser = PROFILES.iter().map(|p| p.name).collect::<Vec<_>>())]
    soc: String,

    /// Bits of a pointer, if not the profile's
    #[arg(long, value_name = "BITS", value_parser = ["32", "64"])]
    pointers: Option<String>,
}

impl DeviceArgs {
    fn profile(&self) -> SocProfile {
        let mut soc = SocProfile::by_name(&self.soc).unwrap_or(&PROFILES[0]).clone();
        match self.pointers.as_deref() {
            Some("32") => soc.pointer = PointerSize::Bits32,
            Some(_) => soc.pointer = PointerSize::Bits64,
            None => {}
        }
        soc
    }
}

/// Byte order of the input.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Endian {
    /// Least significant byte first; printed words are numbers
    Little,
    /// Most significant byte first; printed words have their bytes the other way round
    Big,
}

/// Options of `disasm`.
#[derive(Debug, Args)]
pub struct DisasmArgs {
    /// Where the descriptors are; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    device: DeviceArgs,

    /// Byte order, if not as the headers say
    #[arg(long, value_name = "ORDER")]
    endian: Option<Endian>,

    /// The words are commands without a header
    #[arg(long)]
    bare: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Options of `asm`.
#[derive(Debug, Args)]
pub struct AsmArgs {
    /// The text; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    device: DeviceArgs,

    /// Write the words there, as bytes in the device's order, instead of printing them
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Why it did not work.
#[derive(Debug, Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error("{path}: {source}", path = path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{path}: longer than {LONGEST} bytes", path = path.display())]
    TooLong { path: PathBuf },
    #[error("{path}: not text", path = path.display())]
    NotText { path: PathBuf },
    #[error("{path}: {cause}", path = path.display())]
    Input { path: PathBuf, cause: InputError },
    #[error("{path}: {cause}", path = path.display())]
    Asm { path: PathBuf, cause: AsmError },
    /// What could be listed has been.
    #[error("{path}: {problems}", path = path.display(), problems = problems.join("\ncaam-emu: "))]
    Problems { path: PathBuf, problems: Vec<String> },
    #[error("{path}: {source}", path = path.display())]
    Write { path: PathBuf, source: io::Error },
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let read = if path.as_os_str() == "-" {
        io::stdin().lock().take(LONGEST + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes))
    };
    match read {
        Err(source) => Err(Error::Read { path: path.to_owned(), source }),
        Ok(n) if n as u64 > LONGEST => Err(Error::TooLong { path: path.to_owned() }),
        Ok(_) => Ok(bytes),
    }
}

/// Nobody has to read it to the end.
fn print(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}

impl DisasmArgs {
    /// Prints the listing.
    ///
    /// # Errors
    /// [`enum@Error`]; with [`Error::Problems`] a listing has been printed, as far as there is one.
    pub fn run(&self) -> Result<(), Error> {
        let soc = self.device.profile();
        let order = self.endian.map(|endian| match endian {
            Endian::Little => Order::Little,
            Endian::Big => Order::Big,
        });
        let bytes = read(&self.file)?;
        let options = input::Options { soc: &soc, order, bare: self.bare };
        let input = input::find(&bytes, &options)
            .map_err(|cause| Error::Input { path: self.file.clone(), cause })?;
        let mut problems = Vec::new();
        let mut listings = Vec::new();
        for Found { place, words } in &input.found {
            let listing = match descriptor(words, &soc) {
                Some(listing) if !self.bare => listing,
                _ => bare(words, &soc),
            };
            let of = |p: &crate::descriptors::text::listing::Problem| {
                format!("{place}: word {} of the descriptor: {}", p.index, p.what)
            };
            problems.extend(listing.problems.iter().map(of));
            listings.push((place, listing));
        }
        problems.extend(input.problems);
        print(&if self.json { json(&soc, &listings, &problems) } else { text(&listings) });
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Error::Problems { path: self.file.clone(), problems })
        }
    }
}

fn text(listings: &[(&String, Listing)]) -> String {
    let mut text = String::new();
    for (n, (place, listing)) in listings.iter().enumerate() {
        let between = if n == 0 { "" } else { "\n" };
        let (kind, length) = (listing.kind.name(), listing.length());
        text += &format!("{between}; {place}: {kind}, {length} words\n");
        text += &listing.text(&Style::default());
    }
    text
}

fn json(soc: &SocProfile, listings: &[(&String, Listing)], problems: &[String]) -> String {
    let one = |(place, listing): &(&String, Listing)| -> Value {
        let mut object = listing.json(&Style::default());
        object["place"] = place.as_str().into();
        object
    };
    let descriptors: Vec<Value> = listings.iter().map(one).collect();
    let all = json!({ "soc": soc.name, "descriptors": descriptors, "problems": problems });
    format!("{all:#}\n")
}

impl AsmArgs {
    /// Prints or writes the words.
    ///
    /// # Errors
    /// [`enum@Error`].
    pub fn run(&self) -> Result<(), Error> {
        let soc = self.device.profile();
        let path = || self.file.clone();
        let text =
            String::from_utf8(read(&self.file)?).map_err(|_| Error::NotText { path: path() })?;
        let words = assemble(&text, &soc).map_err(|cause| Error::Asm { path: path(), cause })?;
        match &self.output {
            Some(output) => {
                let bytes: Vec<u8> = words.iter().flat_map(|word| soc.word_bytes(*word)).collect();
                std::fs::write(output, bytes)
                    .map_err(|source| Error::Write { path: output.clone(), source })?;
            }
            None => print(&words.iter().map(|word| format!("{word:08x}\n")).collect::<String>()),
        }
        Ok(())
    }
}
