//! The walls hold for the thread that puts them up: each test has one of its own.

use super::*;
use std::fs::{self, File};
use std::io::ErrorKind::PermissionDenied;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;
use std::thread;

fn inside<T: Send>(needs: &[Need], f: impl FnOnce(Walls) -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = scope.spawn(|| f(enter(needs).expect("walls")));
        thread.join().expect("a thread that does not panic")
    })
}

fn refused<T>(result: std::io::Result<T>) -> bool {
    result.is_err_and(|e| e.kind() == PermissionDenied)
}

#[test]
fn nothing_can_be_read_executed_or_connected_to() {
    let folder = tempfile::tempdir().unwrap();
    let (file, socket) = (folder.path().join("file"), folder.path().join("socket"));
    fs::write(&file, "secret").unwrap();
    let _listening = UnixListener::bind(&socket).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = port.local_addr().unwrap();
    let refusals = inside(&[Need::WriteIn(folder.path().into())], |walls| {
        [
            ("seccomp", walls.calls > 50),
            // Writing beside it gives no right to read it.
            ("read", refused(File::open(&file)) || walls.files.starts_with("ALL")),
            ("list", refused(fs::read_dir("/"))),
            ("execute", refused(Command::new("true").status())),
            ("tcp", refused(TcpStream::connect(address))),
            ("bind", refused(TcpListener::bind("127.0.0.1:0"))),
            ("unix", refused(UnixStream::connect(&socket))),
            ("folder", refused(fs::create_dir(folder.path().join("new")))),
        ]
    });
    for (what, refused) in refusals {
        assert!(refused, "{what}");
    }
}

#[test]
fn what_the_command_line_names_can_be_written_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    let (stats, new) = (folder.path().join("stats"), folder.path().join("stats.new"));
    let socket = other.path().join("socket");
    fs::write(&socket, "").unwrap();
    let needs = [Need::WriteIn(folder.path().into()), Need::Remove(socket.clone())];
    let landlock = inside(&needs, |walls| {
        fs::write(&new, "{}").expect("a new file");
        fs::rename(&new, &stats).expect("in the place of another");
        fs::write(&stats, "").expect("shorter");
        fs::remove_file(&socket).expect("removed");
        let landlock = !walls.files.starts_with("ALL");
        assert_eq!(refused(fs::write(&socket, "")), landlock, "made where it may only be removed");
        landlock
    });
    assert!(stats.exists());
    assert_eq!(socket.exists(), !landlock);
}

#[test]
fn a_thread_started_inside_is_inside() {
    assert!(inside(&[], |_| thread::spawn(|| refused(File::open("/etc/passwd"))).join().unwrap()));
}

#[test]
fn no_capability_is_left() {
    let left = inside(&[], |_| {
        // Asking is a system call that is not allowed; the kernel refuses what needs one.
        caps::read(None, CapSet::Effective).is_err()
    });
    assert!(left);
    let before: HashSet<_> = [Capability::CAP_DAC_OVERRIDE].into();
    let after = thread::spawn(|| {
        drop_capabilities().unwrap();
        caps::read(None, CapSet::Permitted).unwrap()
    });
    assert!(after.join().unwrap().is_subset(&before));
}

#[test]
fn a_bare_name_is_in_the_current_folder() {
    for (file, of) in [("socket", "."), ("/socket", "/"), ("a/b", "a")] {
        assert_eq!(folder(Path::new(file)), Path::new(of));
    }
}
