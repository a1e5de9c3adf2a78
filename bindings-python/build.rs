//! Links the process's own unwinder into a wheel that zig links.
//!
//! zig would put an unwinder of its own into the library. Two in one process do not know each
//! other's frames: before Python 3.14 the interpreter ends daemon threads at its exit by unwinding
//! them with glibc's (`pthread_exit` loads libgcc_s), and on a frame of ours that crashed. Named
//! first, the shared libgcc_s serves us too. manylinux allows it, and every glibc system has it.

use std::env;
use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let variable = env::var("TARGET").unwrap_or_default().replace('-', "_");
    let variable = format!("CARGO_TARGET_{}_LINKER", variable.to_uppercase());
    println!("cargo::rerun-if-env-changed={variable}");
    let linker = env::var("RUSTC_LINKER").unwrap_or_default();
    let target = |part: &str| env::var(format!("CARGO_CFG_TARGET_{part}")).unwrap_or_default();
    if !linker.contains("zigcc") || target("OS") != "linux" || target("ENV") != "gnu" {
        return;
    }
    let arch = target("ARCH");
    let folders = [
        format!("/lib/{arch}-linux-gnu"),
        format!("/usr/lib/{arch}-linux-gnu"),
        "/usr/lib64".to_owned(),
        "/lib64".to_owned(),
        "/usr/lib".to_owned(),
    ];
    let found = folders
        .iter()
        .map(|folder| Path::new(folder).join("libgcc_s.so.1"))
        .find(|path| path.exists());
    match found {
        Some(path) => println!("cargo::rustc-link-arg-cdylib={}", path.display()),
        None => println!(
            "cargo::error=no libgcc_s.so.1 in {}; install the package libgcc-s1 (Debian) or libgcc (Fedora)",
            folders.join(", ")
        ),
    }
}
