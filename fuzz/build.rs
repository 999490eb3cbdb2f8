//! Passes the run-time path of libtorch, which the build script of the crate found, to the linker.

fn main() {
    if let Some(folder) = std::env::var_os("DEP_OXBERT_LIBTORCH_LIB") {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{}", folder.display());
    }
}
