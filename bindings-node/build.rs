//! Link settings of the addon.

fn main() {
    napi_build::setup();
    // Node unloads an addon with the last environment that loaded it, a worker's for example, but
    // the core's thread and fork handlers stay: the library must, too. Elsewhere the loader keeps
    // libraries with thread-local destructors.
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
