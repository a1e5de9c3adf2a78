//! Steps with children of their own, as `cargo`, `npm` and `node` have.

use super::*;

/// A shell that prints the id of a sleeper it leaves in the background, and then does as told.
fn shell_with_sleeper(name: &str, then: &str) -> Step {
    Step::new(name, "sh")
        .arg("-c")
        .arg(format!("sleep 300 & echo $!; {then}"))
}

fn lives(pid: &str) -> bool {
    // A zombie that nobody has reaped yet has ended all the same.
    let state = Command::new("ps")
        .args(["-o", "stat=", "-p", pid])
        .output()
        .unwrap();
    let state = String::from_utf8_lossy(&state.stdout).trim().to_string();
    !state.is_empty() && !state.starts_with('Z')
}

#[test]
fn step_ends_with_everything_that_it_started() {
    let finished = shell_with_sleeper("test-leftover", "exit 3")
        .finish()
        .unwrap();
    assert_eq!(finished.status.code(), Some(3));
    assert!(!finished.succeeded());
    assert_eq!(finished.ending(), "ended with exit code 3");
    assert!(!lives(finished.log.trim()));
}

#[test]
fn hung_step_is_ended_at_its_limit() {
    let finished = shell_with_sleeper("test-hung", "wait")
        .limit(Duration::from_millis(300))
        .finish()
        .unwrap();
    assert!(finished.timed_out && !finished.succeeded());
    assert!(!lives(finished.log.trim()));
}

#[test]
fn background_child_ends_with_its_group_when_it_is_dropped() {
    let (background, sleeper) = shell_with_sleeper("test-background", "wait")
        .background(|line| Some(line.to_string()))
        .unwrap();
    assert!(lives(&sleeper));
    drop(background);
    assert!(!lives(&sleeper));
}

#[test]
fn tied_child_learns_by_its_stdin_that_we_are_gone() {
    let (mut background, ()) = Step::new("test-tied", "sh")
        .args(["-c", "echo ready; cat; exit 7"])
        .tied()
        .background(|line| (line == "ready").then_some(()))
        .unwrap();
    assert!(background.ended().unwrap().is_none());
    // What the end of our process does to it.
    drop(background.group.child.stdin.take());
    let status = background.group.wait().unwrap();
    assert_eq!(status.code(), Some(7));
}

#[test]
fn child_that_ends_before_it_is_ready_is_a_failure() {
    let failure = Step::new("test-not-ready", "sh")
        .args(["-c", "echo no; exit 1"])
        .background(|line| (line == "ready").then_some(()))
        .map(|_| ())
        .unwrap_err();
    assert!(failure.message.contains("before it was ready"));
}

#[test]
fn missing_program_is_named_with_a_hint() {
    let failure = Step::new("test-missing", "no-such-program-anywhere")
        .run()
        .map(|_| ())
        .unwrap_err();
    assert!(failure.to_string().contains("no-such-program-anywhere"));
    assert!(failure.to_string().contains("hint: "));
}

#[test]
fn captured_stdout_stays_apart_from_the_messages() {
    let finished = Step::new("test-captured", "sh")
        .args(["-c", "echo data; echo message >&2"])
        .captured()
        .run()
        .unwrap();
    assert_eq!(
        (finished.stdout.as_str(), finished.log.as_str()),
        ("data\n", "message\n")
    );
}
