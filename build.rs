//! Finds libtorch and tells the linker where it will be at run time. Nothing else.

use std::env;
use std::path::{Path, PathBuf};

/// The release of torch that `tch` in Cargo.toml is written for.
const TORCH_RELEASE: &str = "2.11";

fn main() {
    println!("cargo::rerun-if-env-changed=LIBTORCH");
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_PYTHON").is_some() {
        // The Python module lives in site-packages/oxbert, beside site-packages/torch. The folder that it was built
        // against may be a temporary one, so no absolute path goes into it.
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

/// The folder that holds `lib/` and `include/`, as an absolute path, or why there is none.
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

/// The version that the folder states: `version.py` of a wheel, `build-version` of a bare libtorch.
fn release(folder: &Path) -> Option<String> {
    if let Ok(text) = std::fs::read_to_string(folder.join("build-version")) {
        return Some(text.trim().to_string());
    }
    let text = std::fs::read_to_string(folder.join("version.py")).ok()?;
    let line = text.lines().find(|line| line.starts_with("__version__ ="))?;
    line.split('\'').nth(1).map(ToString::to_string)
}
