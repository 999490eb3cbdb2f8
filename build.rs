//! Finds libtorch and passes its run-time path to the linker.

use std::env;
use std::path::{Path, PathBuf};

/// The release of torch that the version of `tch` in Cargo.toml requires.
const TORCH_RELEASE: &str = "2.11";

fn main() {
    println!("cargo::rerun-if-env-changed=LIBTORCH");
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_PYTHON").is_some() {
        // The Python module is installed in site-packages/oxbert, beside site-packages/torch. The path is relative,
        // because pip may build against torch in a temporary folder.
        println!("cargo::rustc-link-arg-cdylib=-Wl,-rpath,$ORIGIN/../torch/lib");
        return;
    }
    match libtorch() {
        Ok(folder) => println!("cargo::rustc-link-arg=-Wl,-rpath,{}", folder.join("lib").display()),
        Err(reason) => {
            println!(
                "cargo::error={reason}. Run `make setup` once (it installs torch {TORCH_RELEASE} into .venv), or set \
                 LIBTORCH to the `torch` folder of an installed torch {TORCH_RELEASE}"
            );
        }
    }
}

/// Return the absolute path of the folder with `lib/` and `include/`, or the reason why it was not found.
fn libtorch() -> Result<PathBuf, String> {
    let named = env::var_os("LIBTORCH").map(PathBuf::from).ok_or("libtorch was not found: LIBTORCH is not set")?;
    let folder = named.canonicalize().map_err(|_| format!("libtorch was not found at {}", named.display()))?;
    match release(&folder) {
        Some(version) if version != TORCH_RELEASE && !version.starts_with(&format!("{TORCH_RELEASE}.")) => {
            Err(format!("{} is torch {version}, but torch {TORCH_RELEASE} is needed", folder.display()))
        }
        _ if !folder.join("lib").is_dir() => Err(format!("{} holds no libtorch", folder.display())),
        _ => Ok(folder),
    }
}

/// Return the version in `version.py` of a wheel, or in `build-version` of a bare libtorch.
fn release(folder: &Path) -> Option<String> {
    if let Ok(text) = std::fs::read_to_string(folder.join("build-version")) {
        return Some(text.trim().to_string());
    }
    let text = std::fs::read_to_string(folder.join("version.py")).ok()?;
    let line = text.lines().find(|line| line.starts_with("__version__ ="))?;
    line.split('\'').nth(1).map(ToString::to_string)
}
