//! How often recording allocates, once a writer is warm.

use crate::counting::allocations;
use crate::input::Input;
use crate::report::{Goal, Row};
use crate::rounds::Contender;

const PASSES: usize = 64;

/// Heap allocations per million recordings, for each contender.
pub(crate) fn rows(contenders: &[Contender], input: &Input) -> Vec<Row> {
    contenders
        .iter()
        .map(|contender| {
            // On a thread of its own, as the timed runs.
            let count = std::thread::scope(|scope| {
                let counted = scope.spawn(|| {
                    let mut write = (contender.open)();
                    write(input);
                    let before = allocations();
                    for _ in 0..PASSES {
                        write(input);
                    }
                    allocations() - before
                });
                counted.join().map_or(f64::NAN, |count| count as f64)
            });
            if let Some(settle) = &contender.settle {
                settle();
            }
            let per_million = count * 1e6 / (PASSES * input.ns.len()) as f64;
            let row = Row::of(
                "Heap allocations per million recordings",
                contender.name,
                contender.peer,
                1,
                "count",
                vec![per_million],
            );
            if contender.peer {
                row
            } else {
                row.goals([Goal::limit("none", 0.0)])
            }
        })
        .collect()
}
