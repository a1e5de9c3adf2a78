//! The tests of the status document are in `tests/`.
