//! Each text is what the runner really printed.

use super::*;

fn counts(passed: u64, failed: u64, skipped: u64) -> Option<Counts> {
    Some(Counts {
        passed,
        failed,
        skipped,
    })
}

#[test]
fn cargo_test_adds_up_its_programs_and_doc_tests() {
    let output = "
running 4 tests
test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 1.50s

   Doc-tests sample
test result: ok. 1 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
";
    assert_eq!(cargo_test(output), counts(3, 1, 2));
    assert_eq!(rust(output), counts(3, 1, 2));
}

#[test]
fn cargo_test_that_did_not_compile_has_no_counts() {
    assert_eq!(
        rust("error: could not compile `sample` (lib test) due to 1 previous error"),
        None
    );
}

#[test]
fn nextest_is_read_through_its_colours() {
    let output = "\x1b[31;1m     Summary\x1b[0m [   1.540s] \x1b[1m3\x1b[0m tests run: \x1b[1m2\x1b[0m \
                  \x1b[32;1mpassed\x1b[0m, \x1b[1m1\x1b[0m \x1b[31;1mfailed\x1b[0m, \x1b[1m1\x1b[0m \
                  \x1b[33;1mskipped\x1b[0m\n        FAIL [   0.102s] (2/3) sample b\n";
    assert_eq!(nextest(output), counts(2, 1, 1));
}

#[test]
fn nextest_parentheses_only_say_how_and_every_kind_of_failure_counts() {
    let output = "     Summary [  12.3s] 51/60 tests run: 45 passed (2 slow, 1 flaky), 3 failed, \
                  1 exec failed, 2 timed out, 9 skipped";
    assert_eq!(nextest(output), counts(45, 6, 9));
    let one = "     Summary [   0.012s] 1 test run: 1 passed, 0 skipped";
    assert_eq!(nextest(one), counts(1, 0, 0));
}

#[test]
fn node_is_read_in_both_of_its_forms() {
    let tap = "not ok 2 - b\n  ---\n1..4\n# tests 4\n# suites 0\n# pass 1\n# fail 1\n# cancelled 0\n# skipped 1\n\
               # todo 1\n# duration_ms 107.477376\n";
    assert_eq!(node(tap), counts(1, 1, 2));
    let spec = "ℹ tests 4\nℹ suites 0\nℹ pass 2\nℹ fail 0\nℹ cancelled 1\nℹ skipped 1\nℹ todo 0\nℹ duration_ms 99.8\n";
    assert_eq!(node(spec), counts(2, 1, 1));
    assert_eq!(node("npm error code ELIFECYCLE"), None);
}

#[test]
fn node_output_that_only_looks_like_a_count_is_left_alone() {
    assert_eq!(node("# fail 3 of them\n# Subtest: pass 4\n"), None);
}

#[test]
fn pytest_is_read_quiet_or_not() {
    let quiet = "FAILED test_a.py::test_b - assert 0\nERROR test_a.py::test_e - RuntimeError\n\
                 1 failed, 1 passed, 1 skipped, 1 xfailed, 1 error in 0.03s\n";
    assert_eq!(pytest(quiet), counts(1, 2, 2));
    let loud = "========== 12 passed, 3 warnings in 61.20s (0:01:01) ==========\n";
    assert_eq!(pytest(loud), counts(12, 0, 0));
    assert_eq!(pytest("\nno tests ran in 0.00s\n"), counts(0, 0, 0));
    assert_eq!(
        pytest("ImportError while loading conftest in 3 places"),
        None
    );
}

#[test]
fn closing_line_is_the_form_that_is_looked_for() {
    let counts = Counts {
        passed: 3,
        failed: 0,
        skipped: 1,
    };
    assert_eq!(counts.closing_line(), "3 passed, 0 failed, 1 skipped");
}
