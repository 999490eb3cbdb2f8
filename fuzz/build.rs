//! Tells the linker where libtorch will be at run time, as the crate's own build script does for its own programs.

fn main() {
    println!("cargo::rerun-if-env-changed=LIBTORCH");
    if let Some(folder) = std::env::var_os("LIBTORCH") {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{}/lib", folder.display());
    }
}
