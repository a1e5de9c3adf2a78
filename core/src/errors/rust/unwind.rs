//! The return addresses of this thread's stack, innermost first.
//!
//! Called for each captured error, so nothing is looked up here: names come later, off the
//! caller's thread. The unwinder is the one that panics use, which the standard library links.

use std::ffi::{c_int, c_void};

/// Addresses kept from the innermost end, and from the outermost; between them a recursion is cut.
const INNERMOST: usize = 200;
const OUTERMOST: usize = 50;
/// No stack is followed further.
const DEEPEST: usize = 20_000;

/// The unwinder's view of a frame; only it knows what is in it.
#[repr(C)]
struct Context {
    _opaque: [u8; 0],
}

/// What a callback answers to see the next frame, and to see no more.
const NEXT: c_int = 0;
const ENOUGH: c_int = 5;

// As the Itanium C++ ABI has them, <https://itanium-cxx-abi.github.io/cxx-abi/abi-eh.html>;
// `_Unwind_Backtrace` is the extension that libgcc and LLVM's libunwind share.
unsafe extern "C-unwind" {
    fn _Unwind_Backtrace(
        step: extern "C-unwind" fn(*mut Context, *mut c_void) -> c_int,
        walk: *mut c_void,
    ) -> c_int;
    fn _Unwind_GetIP(context: *mut Context) -> usize;
    fn _Unwind_GetRegionStart(context: *mut Context) -> usize;
}

/// What one walk has found.
struct Walk {
    /// The function that, with all it called, is not part of what was asked for.
    hidden: usize,
    /// Callers of it that are not either.
    callers: usize,
    found: Vec<usize>,
    /// Where the next address beyond [`INNERMOST`] and [`OUTERMOST`] goes.
    oldest: usize,
    seen: usize,
    /// Frames to come that are left out.
    hides: usize,
}

/// The return addresses, without those of `hidden`, of whatever it called and of so many of its
/// callers. Where `hidden` is not on the stack (it was inlined), nothing is left out.
pub(super) fn addresses(hidden: usize, callers: usize) -> Vec<usize> {
    let mut walk = Walk {
        hidden,
        callers,
        found: Vec::with_capacity(64),
        oldest: 0,
        seen: 0,
        hides: 0,
    };
    // SAFETY: `step` is called during this call only, with the walk that it is given here.
    unsafe { _Unwind_Backtrace(step, (&raw mut walk).cast()) };
    // The outermost ones are a ring that starts at its oldest.
    if walk.found.len() == INNERMOST + OUTERMOST {
        walk.found[INNERMOST..].rotate_left(walk.oldest);
    }
    walk.found
}

extern "C-unwind" fn step(context: *mut Context, walk: *mut c_void) -> c_int {
    // SAFETY: `addresses` passed its own local, which nobody else uses meanwhile.
    let walk = unsafe { &mut *walk.cast::<Walk>() };
    walk.seen += 1;
    if walk.seen > DEEPEST {
        return ENOUGH;
    }
    // SAFETY: the unwinder gives a context that is valid during this call.
    let (address, function) = unsafe { (_Unwind_GetIP(context), _Unwind_GetRegionStart(context)) };
    if address == 0 {
        return ENOUGH;
    }
    if function == walk.hidden && walk.seen <= INNERMOST {
        walk.found.clear();
        walk.hides = walk.callers;
        return NEXT;
    }
    if walk.hides > 0 {
        walk.hides -= 1;
        return NEXT;
    }
    if walk.found.len() < INNERMOST + OUTERMOST {
        walk.found.push(address);
    } else {
        walk.found[INNERMOST + walk.oldest] = address;
        walk.oldest = (walk.oldest + 1) % OUTERMOST;
    }
    NEXT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(never)]
    fn hidden() -> Vec<usize> {
        std::hint::black_box(addresses(hidden as *const () as usize, 0))
    }

    #[inline(never)]
    fn deep(levels: usize) -> Vec<usize> {
        if levels == 0 {
            return hidden();
        }
        std::hint::black_box(deep(levels - 1))
    }

    #[test]
    fn what_is_hidden_is_left_out_and_its_caller_is_first() {
        let shown = addresses(0, 0);
        let found = std::hint::black_box(hidden());
        assert!(found.len() > 3, "{found:?}");
        // All but the innermost are the callers of this test, which are the same in both.
        assert_eq!(found[1..], shown[shown.len() - found.len() + 1..]);
    }

    #[inline(never)]
    fn hidden_caller() -> Vec<usize> {
        std::hint::black_box(inner())
    }

    #[inline(never)]
    fn inner() -> Vec<usize> {
        std::hint::black_box(addresses(inner as *const () as usize, 1))
    }

    #[test]
    fn a_caller_is_left_out_where_that_is_asked_for() {
        let found = std::hint::black_box(hidden_caller());
        let shown = addresses(0, 0);
        assert_eq!(found[1..], shown[shown.len() - found.len() + 1..]);
    }

    #[test]
    fn a_recursion_is_cut_in_the_middle_and_keeps_both_ends() {
        let outer = hidden();
        let found = deep(1_000);
        assert_eq!(found.len(), INNERMOST + OUTERMOST);
        assert_eq!(found.last(), outer.last());
        assert_eq!(found[2], found[100]);
    }
}
