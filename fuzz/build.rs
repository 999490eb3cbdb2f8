//! Passes the run-time path of libtorch to the linker, like the build script of the crate.

fn main() {
    println!("cargo::rerun-if-env-changed=LIBTORCH");
    if let Some(folder) = std::env::var_os("LIBTORCH") {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{}/lib", folder.display());
    }
}
