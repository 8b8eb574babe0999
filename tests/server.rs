//! The `caam-emu` program from outside: its command line, its signals, its socket.
//!
//! Nothing here depends on how fast anything is: tests wait for events, and deadlines only turn
//! a hang into a failure.

#[path = "server/connections.rs"]
mod connections;
#[path = "server/control.rs"]
mod control;
#[path = "server/ctl.rs"]
mod ctl;
#[path = "server/faults.rs"]
mod faults;
#[path = "server/hostile.rs"]
mod hostile;
#[path = "server/job.rs"]
mod job;
#[path = "server/logs.rs"]
mod logs;
#[path = "server/program.rs"]
mod program;
#[path = "server/record.rs"]
mod record;
#[path = "server/sandbox.rs"]
mod sandbox;
#[path = "server/support.rs"]
mod support;
#[path = "server/trace.rs"]
mod trace;
#[path = "common/vfio_client.rs"]
mod vfio_client;
