//! The log on stderr: one line an event, what it is about as `key=value`.
//!
//! [`filter`] says which lines are wanted, [`line`] how they look.

pub mod filter;
pub mod line;

use filter::Filter;
use log::{Log, Metadata, Record};
use std::io::Write;

/// `env_logger`'s, and the conditions of `--log`.
struct Logger {
    inner: env_logger::Logger,
    filter: Filter,
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.inner.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.inner.matches(record) && self.filter.passes(record.key_values()) {
            self.inner.log(record);
        }
    }

    fn flush(&self) {
        self.inner.flush();
    }
}

/// Begins to log, once a process. Without a filter, `RUST_LOG` says what; with one it is not asked.
///
/// # Panics
/// If it has been called before.
pub fn init(filter: Option<Filter>) {
    let mut builder = match &filter {
        None => {
            let log = env_logger::Env::default().default_filter_or("info");
            env_logger::Builder::from_env(log)
        }
        Some(filter) => {
            let mut builder = env_logger::Builder::new();
            for (target, level) in filter.levels() {
                builder.filter(target, level);
            }
            builder
        }
    };
    builder.format(|out, record| {
        let style = out.default_level_style(record.level());
        let (time, level) = (out.timestamp(), record.level());
        writeln!(out, "[{time} {style}{level:<5}{style:#}] {}", line::Line(record))
    });
    let inner = builder.build();
    let most = inner.filter();
    log::set_boxed_logger(Box::new(Logger { inner, filter: filter.unwrap_or_default() }))
        .expect("the first logger of the process");
    log::set_max_level(most);
    // A panic is a bug of ours or of a library: one line in the log, like every other event.
    std::panic::set_hook(Box::new(|info| log::error!("internal error: {info}")));
}
