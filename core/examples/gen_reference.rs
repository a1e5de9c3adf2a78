//! Prints the page on environment variables from the table that declares them;
//! `cargo xtask gen` keeps `docs/reference/environment.md` equal to it.

use tallylight::config::SETTINGS;

fn main() {
    println!("# Environment variables\n");
    println!(
        "Generated from `core/src/config.rs` by `cargo xtask gen`; change it there. What a program\n\
         gives to `init` wins over the variable, and an empty variable counts as unset.\n"
    );
    println!("| variable | value | default | what it does |");
    println!("|---|---|---|---|");
    for setting in SETTINGS {
        println!(
            "| `{}` | {} | {} | {} |",
            setting.variable, setting.value, setting.default, setting.help
        );
    }
}
