//! Ctrl-C and the ending of process groups.
//!
//! A step runs in a process group of its own, so that its grandchildren end with it. The terminal then no longer
//! interrupts them for us: the handler only raises a flag, which every wait loop polls and answers by ending its group.

use std::sync::atomic::{AtomicBool, Ordering};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

const INT: i32 = 2;
pub(crate) const KILL: i32 = 9;
pub(crate) const TERM: i32 = 15;
const HUP: i32 = 1;

unsafe extern "C" {
    // Both are in the C library that std links already.
    fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
    safe fn kill(pid: i32, number: i32) -> i32;
}

extern "C" fn raise_flag(_number: i32) {
    INTERRUPTED.store(true, Ordering::Relaxed);
}

/// From now on an interrupt, a hang-up or a request to end only raises the flag.
pub(crate) fn install() {
    for number in [INT, TERM, HUP] {
        // SAFETY: the handler stores to an atomic and does nothing else, which is async-signal-safe.
        unsafe { signal(number, raise_flag) };
    }
}

/// Whether the user asked us to stop.
pub(crate) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// The request to stop is dealt with: what follows may run its course.
pub(crate) fn forget() {
    INTERRUPTED.store(false, Ordering::Relaxed);
}

/// Sends a signal to a whole process group; a group that is gone already is no error.
pub(crate) fn send_to_group(leader: u32, number: i32) {
    if let Ok(pid) = i32::try_from(leader)
        && pid > 1
    {
        kill(-pid, number);
    }
}

/// Sends a signal to one process.
pub(crate) fn send_to_process(pid: u32, number: i32) {
    if let Ok(pid) = i32::try_from(pid)
        && pid > 1
    {
        kill(pid, number);
    }
}

/// Whether any process of the group is still there.
pub(crate) fn group_lives(leader: u32) -> bool {
    i32::try_from(leader).is_ok_and(|pid| pid > 1 && kill(-pid, 0) == 0)
}
