//! What the process gives up before it serves a client.
//!
//! A guest, or the client in front of it, that found a way to run code in here should find nothing
//! to do with it. Three walls, each useful without the others:
//!
//! * *Landlock* (`landlock(7)`, Linux 5.13 and later): no file can be opened but those that the
//!   command line names; no TCP port, and from Linux 6.12 on no abstract socket or signal of
//!   anybody else.
//! * *seccomp* (`seccomp(2)`): no system call but those that serving needs; the others fail with
//!   EPERM. Nothing can be executed, no socket made, no other process looked at.
//! * *Capabilities* (`capabilities(7)`): none is kept but `CAP_DAC_OVERRIDE` (for files that root
//!   was told to write in somebody else's folder; Landlock bounds which).
//!
//! They hold for the calling thread and for those it starts, so this comes before any of them.
//! What a kernel does not have is left out, and said.

use caps::{CapSet, Capability};
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd,
    Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The newest Landlock that is asked for; older kernels give what they have.
const LANDLOCK: ABI = ABI::V6;

/// With times of 64 bits (asm-generic/socket.h); `libc` has no names for them.
const SO_RCVTIMEO_NEW: libc::c_int = 66;
const SO_SNDTIMEO_NEW: libc::c_int = 67;

/// Linux 6.4 (linux/prctl.h).
const PR_GET_AUXV: libc::c_int = 0x4155_5856;

/// Why the walls could not be put up. (That the kernel has none is no error.)
#[derive(Debug, Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error("Landlock: {0}")]
    Landlock(#[from] RulesetError),
    #[error("seccomp: {0}")]
    Seccomp(#[from] seccompiler::Error),
    #[error("seccomp: {0}")]
    Filter(#[from] seccompiler::BackendError),
    #[error("capabilities: {0}")]
    Capabilities(#[from] caps::errors::CapsError),
}

/// What is needed of the file system after the walls are up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// To make, write, replace and remove files in this folder.
    WriteIn(PathBuf),
    /// To remove this file.
    Remove(PathBuf),
}

impl Need {
    /// The folder, and what may be done in it.
    fn rule(&self) -> (PathBuf, BitFlags<AccessFs>) {
        match self {
            Self::WriteIn(folder) => (
                folder.clone(),
                AccessFs::WriteFile | AccessFs::MakeReg | AccessFs::RemoveFile | AccessFs::Truncate,
            ),
            Self::Remove(path) => (folder(path), AccessFs::RemoveFile.into()),
        }
    }
}

/// The folder that a file is in.
#[must_use]
pub fn folder(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// What has been put up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walls {
    /// Landlock holds, in full, in part (an older kernel), or not at all.
    pub files: &'static str,
    /// System calls that are left.
    pub calls: usize,
}

impl fmt::Display for Walls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "files: {}; {} system calls; no capabilities", self.files, self.calls)
    }
}

/// Puts up the walls around this thread and those it will start.
///
/// # Errors
/// [`enum@Error`]; some walls may be up then.
pub fn enter(needs: &[Need]) -> Result<Walls, Error> {
    drop_capabilities()?;
    let files = match restrict_files(needs)? {
        RulesetStatus::FullyEnforced => "those of the command line",
        RulesetStatus::PartiallyEnforced => "those of the command line, as far as this kernel can",
        RulesetStatus::NotEnforced => "ALL (this kernel has no Landlock)",
    };
    let calls = allowed()?;
    let count = calls.len();
    seccompiler::apply_filter(&filter(calls)?)?;
    Ok(Walls { files, calls: count })
}

fn drop_capabilities() -> Result<(), Error> {
    let kept: HashSet<_> = caps::read(None, CapSet::Permitted)?
        .intersection(&HashSet::from([Capability::CAP_DAC_OVERRIDE]))
        .copied()
        .collect();
    if caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP)? {
        // The bounding set matters on execve only, which seccomp forbids, too.
        caps::clear(None, CapSet::Bounding)?;
    }
    caps::clear(None, CapSet::Ambient)?;
    caps::clear(None, CapSet::Inheritable)?;
    caps::set(None, CapSet::Effective, &kept)?;
    caps::set(None, CapSet::Permitted, &kept)?;
    Ok(())
}

fn restrict_files(needs: &[Need]) -> Result<RulesetStatus, Error> {
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(LANDLOCK))?
        .handle_access(AccessNet::from_all(LANDLOCK))?
        .scope(Scope::from_all(LANDLOCK))?
        .create()?;
    for need in needs {
        let (folder, access) = need.rule();
        // A folder that is not there yields nothing that could be allowed.
        if let Ok(folder) = PathFd::new(&folder) {
            rules = rules.add_rule(PathBeneath::new(folder, access))?;
        }
    }
    Ok(rules.restrict_self()?.ruleset)
}

/// A call whose argument `n` must be one of `values`.
fn only(n: u8, values: &[u64]) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    let rule = |value: &u64| {
        let op = SeccompCmpOp::Eq;
        SeccompRule::new(vec![SeccompCondition::new(n, SeccompCmpArgLen::Dword, op, *value)?])
    };
    values.iter().map(rule).collect()
}

/// The system calls that serving needs.
fn allowed() -> Result<BTreeMap<i64, Vec<SeccompRule>>, seccompiler::BackendError> {
    let always = [
        // Clients, control clients, statistics, log.
        libc::SYS_read,
        libc::SYS_write,
        libc::SYS_readv,
        libc::SYS_writev,
        libc::SYS_pread64,
        libc::SYS_pwrite64,
        libc::SYS_recvmsg,
        libc::SYS_sendmsg,
        libc::SYS_recvfrom,
        libc::SYS_sendto,
        libc::SYS_accept4,
        libc::SYS_shutdown,
        libc::SYS_getsockopt,
        libc::SYS_close,
        libc::SYS_fcntl,
        libc::SYS_fstat,
        libc::SYS_newfstatat,
        libc::SYS_statx,
        libc::SYS_lseek,
        libc::SYS_openat,
        libc::SYS_unlinkat,
        libc::SYS_renameat,
        libc::SYS_renameat2,
        libc::SYS_ftruncate,
        libc::SYS_fchmod,
        libc::SYS_fsync,
        libc::SYS_fdatasync,
        // Waiting.
        libc::SYS_epoll_create1,
        libc::SYS_epoll_ctl,
        libc::SYS_epoll_pwait,
        libc::SYS_ppoll,
        libc::SYS_eventfd2,
        libc::SYS_timerfd_create,
        libc::SYS_timerfd_settime,
        libc::SYS_timerfd_gettime,
        libc::SYS_clock_gettime,
        libc::SYS_clock_getres,
        libc::SYS_clock_nanosleep,
        libc::SYS_nanosleep,
        libc::SYS_restart_syscall,
        libc::SYS_futex,
        libc::SYS_sched_yield,
        // Memory: the guest's, and the heap.
        libc::SYS_mmap,
        libc::SYS_munmap,
        libc::SYS_mprotect,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_brk,
        libc::SYS_getrandom,
        // Threads, and the end of them.
        libc::SYS_clone,
        libc::SYS_clone3,
        libc::SYS_set_robust_list,
        libc::SYS_rseq,
        libc::SYS_sched_getaffinity,
        libc::SYS_gettid,
        libc::SYS_getpid,
        libc::SYS_sigaltstack,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_tgkill,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];
    // Calls that newer architectures only have in the form above.
    #[cfg(target_arch = "x86_64")]
    let old = [
        libc::SYS_open,
        libc::SYS_stat,
        libc::SYS_lstat,
        libc::SYS_unlink,
        libc::SYS_rename,
        libc::SYS_poll,
        libc::SYS_epoll_wait,
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let old: [i64; 0] = [];
    let mut calls: BTreeMap<_, _> = always.into_iter().chain(old).map(|n| (n, vec![])).collect();
    // Rust's standard library: sockets that do not block, descriptors that are not inherited.
    calls.insert(libc::SYS_ioctl, only(1, &[libc::FIONBIO, libc::FIOCLEX])?);
    // A client's second socket, for messages from here (twin_socket).
    calls.insert(libc::SYS_socketpair, only(0, &[libc::AF_UNIX as u64])?);
    // How long a client may take to read.
    let timeouts = [libc::SO_SNDTIMEO, libc::SO_RCVTIMEO, SO_SNDTIMEO_NEW, SO_RCVTIMEO_NEW];
    calls.insert(libc::SYS_setsockopt, only(2, &timeouts.map(|n| n as u64))?);
    // The name of a thread, of an anonymous mapping (malloc); the size of a page (rustix).
    let options = [libc::PR_SET_NAME, libc::PR_SET_VMA, PR_GET_AUXV];
    calls.insert(libc::SYS_prctl, only(0, &options.map(|n| n as u64))?);
    Ok(calls)
}

fn filter(calls: BTreeMap<i64, Vec<SeccompRule>>) -> Result<BpfProgram, seccompiler::BackendError> {
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    let arch = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(calls, refuse, SeccompAction::Allow, arch)?.try_into()
}

#[cfg(test)]
#[path = "sandbox_tests.rs"]
mod tests;
