//! Start, errors, signals, end.

use super::support::*;
use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::process::Command;

/// The program ends with 1 and one line that names the trouble.
fn fails(command: &mut Command, words: &[&str]) {
    let ended = run(command);
    let Ended { code, stdout, stderr } = &ended;
    assert_eq!(*code, Some(1), "{stderr}");
    assert_eq!(stdout, "", "it was never ready");
    assert!(stderr.starts_with("caam-emu: ") && stderr.ends_with('\n'), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "{word} is not in: {stderr}");
    }
}

#[test]
fn usage_errors_end_with_2() {
    let binary = env!("CARGO_BIN_EXE_caam-emu");
    for arguments in [
        &[][..],
        &["serve"],
        &["nonsense"],
        &["serve", "--socket-path"],
        &["serve", "--socket-path", ""],
        &["serve", "--socket-path", "a", "--fd", "3"],
        &["serve", "--fd", "-1"],
        &["serve", "--fd", "x"],
        &["serve", "--fd", "3", "--job-rings", "5"],
        &["serve", "--fd", "3", "--job-rings", "0"],
        &["serve", "--fd", "3", "--decos", "0"],
        &["serve", "--fd", "3", "--decos", "16"],
        &["serve", "--fd", "3", "--soc", "imx9000"],
        &["serve", "--fd", "3", "--ready-fd", "-2"],
        &["serve", "--fd", "3", "--nonsense"],
    ] {
        let ended = run(Command::new(binary).args(arguments));
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stdout.is_empty() && !ended.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn help_version_and_capabilities_end_with_0() {
    let binary = env!("CARGO_BIN_EXE_caam-emu");
    for (arguments, word) in [
        (&["--help"][..], "serve"),
        (&["--version"], "caam-emu "),
        (&["serve", "--help"], "--socket-path"),
        (&["serve", "--print-capabilities"], "\"type\""),
    ] {
        let ended = run(Command::new(binary).args(arguments));
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{arguments:?}");
        assert!(ended.stdout.contains(word), "{arguments:?}: {}", ended.stdout);
    }
    let ended = run(&mut serve(["--print-capabilities"]));
    serde_json::from_str::<serde_json::Value>(&ended.stdout).expect("capabilities are JSON");
}

#[test]
fn a_socket_in_use_is_left_alone() {
    let emulator = Emulator::start(&[]);
    let path = emulator.socket.to_str().unwrap();
    fails(&mut serve(["--socket-path", path]), &[path, "in use"]);
    emulator.check();
    // Also while a client is connected.
    let client = emulator.client();
    fails(&mut serve(["--socket-path", path]), &[path, "in use"]);
    drop(client);
    emulator.check();
}

#[test]
fn a_stale_socket_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("caam.sock");
    drop(UnixListener::bind(&socket).unwrap());
    assert!(socket.exists());
    let command = serve([std::ffi::OsStr::new("--socket-path"), socket.as_os_str()]);
    Emulator::spawn(command, directory, socket).check();
}

#[test]
fn a_killed_emulator_leaves_a_socket_that_the_next_replaces() {
    let mut first = Emulator::start(&[]);
    assert_eq!(first.stop(libc::SIGKILL).code, None);
    assert!(first.socket.exists());
    let directory = tempfile::tempdir().unwrap();
    let command = serve([std::ffi::OsStr::new("--socket-path"), first.socket.as_os_str()]);
    Emulator::spawn(command, directory, first.socket.clone()).check();
}

#[test]
fn unusable_paths_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("precious");
    fs::write(&file, "data").unwrap();
    fails(&mut serve(["--socket-path", file.to_str().unwrap()]), &["precious", "not a socket"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "data");
    fails(&mut serve(["--socket-path", directory.path().to_str().unwrap()]), &["not a socket"]);
    let below = file.join("caam.sock");
    fails(&mut serve(["--socket-path", below.to_str().unwrap()]), &["precious", "cannot create"]);
    fails(&mut serve(["--socket-path", "/nonexistent/caam.sock"]), &["/nonexistent/caam.sock"]);
    fails(&mut serve(["--socket-path", "/proc/caam.sock"]), &["/proc/caam.sock"]);
    let long = directory.path().join("x".repeat(200));
    fails(&mut serve(["--socket-path", long.to_str().unwrap()]), &["cannot create"]);
    let dangling = directory.path().join("dangling");
    std::os::unix::fs::symlink("nowhere", &dangling).unwrap();
    fails(&mut serve(["--socket-path", dangling.to_str().unwrap()]), &["dangling"]);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "nothing was left behind");
}

#[test]
fn only_the_owner_can_connect() {
    let emulator = Emulator::start(&[]);
    let mode = fs::metadata(&emulator.socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn an_inherited_descriptor_must_be_a_unix_stream_socket_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let file = tempfile::tempfile().unwrap();
    // SAFETY: socket takes three numbers.
    let fresh = unsafe { libc::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0) };
    assert!(fresh >= 0);
    // SAFETY: the call above returned a descriptor nobody else owns.
    let fresh = unsafe { OwnedFd::from_raw_fd(fresh) };
    let datagram = UnixDatagram::bind(directory.path().join("d")).unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    for (fd, word) in [
        (file.as_raw_fd(), ""),
        (fresh.as_raw_fd(), "neither listens nor is connected"),
        (datagram.as_raw_fd(), "not a UNIX stream socket"),
        (tcp.as_raw_fd(), "not a UNIX stream socket"),
    ] {
        let number = fd.to_string();
        let mut command = serve(["--fd", &number]);
        inherit(&mut command, fd);
        fails(&mut command, &[&format!("--fd {fd}"), word]);
    }
    // Not open at all; the small numbers may be descriptors the program opens for itself.
    for fd in ["3", "4", "5", "6", "7", "77", "2147483647"] {
        fails(&mut serve(["--fd", fd]), &[&format!("--fd {fd}")]);
    }
}

#[test]
fn an_inherited_listening_socket_works_and_its_path_is_not_removed() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("mine.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let number = listener.as_raw_fd().to_string();
    let mut command = serve(["--fd", &number]);
    inherit(&mut command, listener.as_raw_fd());
    let mut emulator = Emulator::spawn(command, directory, socket);
    emulator.check();
    emulator.check();
    assert_eq!(emulator.stop(libc::SIGTERM).code, Some(0));
    assert!(emulator.socket.exists(), "who made it removes it");
}

/// As a VMM starts a backend whose only client it will be.
#[test]
fn an_inherited_connection_is_served_and_its_end_is_the_program_s() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let number = theirs.as_raw_fd().to_string();
    let mut command = serve(["--fd", &number]);
    inherit(&mut command, theirs.as_raw_fd());
    // The other end must not depend on whether it blocks.
    theirs.set_nonblocking(true).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut emulator = Emulator::spawn(command, directory, "none".into());
    drop(theirs);
    let mut client = Raw::new(ours);
    client.handshake();
    assert_eq!(client.read32(CONFIG, 0), 0xcaa0_1957);
    drop(client);
    assert_eq!(wait(&mut emulator.child).code(), Some(0), "{}", emulator.log());
    // And a signal ends it as ever.
    let (ours, theirs) = UnixStream::pair().unwrap();
    let number = theirs.as_raw_fd().to_string();
    let mut command = serve(["--fd", &number]);
    inherit(&mut command, theirs.as_raw_fd());
    let mut emulator = Emulator::spawn(command, tempfile::tempdir().unwrap(), "none".into());
    assert_eq!(emulator.stop(libc::SIGTERM).code, Some(0));
    drop(ours);
}

#[test]
fn ready_is_written_once_and_the_descriptor_closed() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("caam.sock");
    let number = writer.as_raw_fd().to_string();
    let mut command = serve(["--ready-fd", &number, "--socket-path", socket.to_str().unwrap()]);
    inherit(&mut command, writer.as_raw_fd());
    let emulator = Emulator::spawn(command, directory, socket);
    drop(writer);
    let mut text = String::new();
    // Ends only because the emulator, which runs on, has closed it.
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "ready\n");
    emulator.check();
}

#[test]
fn an_unusable_ready_descriptor_is_named_and_nothing_left_behind() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("caam.sock");
    let path = socket.to_str().unwrap();
    let command = |fd: &str| serve(["--socket-path", path, "--ready-fd", fd]);
    let read_only = fs::File::open("/dev/null").unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    for fd in [read_only.as_raw_fd(), writer.as_raw_fd()] {
        let mut command = command(&fd.to_string());
        inherit(&mut command, fd);
        fails(&mut command, &[&format!("--ready-fd {fd}")]);
        assert!(!socket.exists());
    }
    fails(&mut command("77"), &["--ready-fd 77"]);
    assert!(!socket.exists());
}

/// A small number that was not inherited may be a descriptor of the program's own.
#[test]
fn a_ready_descriptor_that_was_not_inherited_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("caam.sock");
    let path = socket.to_str().unwrap();
    for fd in 3..20 {
        let number = fd.to_string();
        fails(
            &mut serve(["--socket-path", path, "--ready-fd", &number]),
            &[&format!("--ready-fd {fd}")],
        );
        assert!(!socket.exists());
    }
}

#[test]
fn sigterm_and_sigint_end_it_with_0_and_remove_the_socket() {
    for number in [libc::SIGTERM, libc::SIGINT] {
        let mut emulator = Emulator::start(&[]);
        let ended = emulator.stop(number);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{}", ended.stderr);
        assert!(!emulator.socket.exists());
    }
}

#[test]
fn it_ends_while_a_client_is_connected_or_in_the_middle_of_a_message() {
    let mut emulator = Emulator::start(&["--decos", "4"]);
    let client = emulator.client();
    assert_eq!(emulator.stop(libc::SIGTERM).code, Some(0));
    assert!(!emulator.socket.exists());
    drop(client);
    let mut emulator = Emulator::start(&[]);
    let mut raw = Raw::connect(&emulator.socket);
    raw.handshake();
    raw.bytes(&Header { id: 9, command: REGION_WRITE, size: 100, flags: 0, error: 0 }.bytes());
    assert_eq!(emulator.stop(libc::SIGINT).code, Some(0));
    assert!(!emulator.socket.exists());
}

#[test]
fn what_is_not_its_own_is_not_removed() {
    let mut emulator = Emulator::start(&[]);
    fs::rename(&emulator.socket, emulator.directory.path().join("moved")).unwrap();
    fs::write(&emulator.socket, "somebody else's").unwrap();
    assert_eq!(emulator.stop(libc::SIGTERM).code, Some(0));
    assert_eq!(fs::read_to_string(&emulator.socket).unwrap(), "somebody else's");
}

#[test]
fn statistics_are_written_on_sigusr1_and_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stats.json");
    let arguments = ["--stats", path.to_str().unwrap(), "--job-rings", "3", "--decos", "2"];
    let mut emulator = Emulator::start(&arguments);
    let read = || -> serde_json::Value {
        serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap()
    };
    assert!(!path.exists());
    emulator.check();
    for _ in 0..2 {
        signal(&emulator.child, libc::SIGUSR1);
        let start = std::time::Instant::now();
        // It is renamed into place, so what exists is whole.
        while !path.exists() {
            assert!(start.elapsed() < DEADLINE, "no statistics");
            std::thread::yield_now();
        }
        let json = read();
        assert_eq!((&json["version"], &json["decos"]), (&1.into(), &2.into()));
        assert_eq!(json["rings"].as_array().unwrap().len(), 3);
        fs::remove_file(&path).unwrap();
    }
    assert_eq!(emulator.stop(libc::SIGTERM).code, Some(0));
    assert_eq!(read()["soc"], "virt-era9");
    let left: Vec<_> = fs::read_dir(directory.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "no temporary files: {left:?}");
}

#[test]
fn sigusr1_without_a_file_is_a_warning() {
    let mut emulator = Emulator::start(&[]);
    signal(&emulator.child, libc::SIGUSR1);
    emulator.check();
    let ended = emulator.stop(libc::SIGTERM);
    assert_eq!(ended.code, Some(0));
    assert!(ended.stderr.contains("--stats"), "{}", ended.stderr);
}

#[test]
fn statistics_that_cannot_be_written_are_an_error() {
    let directory = tempfile::tempdir().unwrap();
    for path in ["/nonexistent/stats.json", directory.path().to_str().unwrap()] {
        let socket = directory.path().join("caam.sock");
        let mut command = serve(["--stats", path, "--socket-path", socket.to_str().unwrap()]);
        command.env("RUST_LOG", "off");
        let own = tempfile::tempdir().unwrap();
        let (code, stderr) = {
            let stderr = own.path().join("stderr");
            command.stdout(std::process::Stdio::piped());
            command.stderr(fs::File::create(&stderr).unwrap());
            let mut child = command.spawn().unwrap();
            // It may find out at once, or when it writes them.
            let mut line = [0; 9];
            let _ = child.stdout.take().unwrap().read_exact(&mut line);
            signal(&child, libc::SIGTERM);
            (wait(&mut child).code(), fs::read_to_string(stderr).unwrap())
        };
        assert_eq!(code, Some(1), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.contains("statistics") && stderr.contains(path), "{stderr}");
        assert!(!socket.exists());
    }
}

/// One descriptor cannot be both.
#[test]
fn the_listening_socket_is_no_ready_descriptor() {
    let directory = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(directory.path().join("mine.sock")).unwrap();
    let number = listener.as_raw_fd().to_string();
    let mut command = serve(["--fd", &number, "--ready-fd", &number]);
    inherit(&mut command, listener.as_raw_fd());
    fails(&mut command, &["--ready-fd"]);
}
