//! Passes on where libtorch is: to the linker, to the crate and to crates that depend on it.

use std::env;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// The releases of torch that the crate is made for, as minor versions of torch 2, like in `libtorch/oxbert_torch.h`.
const RELEASES: RangeInclusive<u32> = 11..=15;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // torch-sys finds libtorch, in each of the ways that tch's documentation names. With `doc-only` it looks for none.
    let Some(folder) = env::var_os("DEP_TCH_LIBTORCH_LIB").map(PathBuf::from) else {
        println!("cargo::rustc-env=OXBERT_TORCH_RELEASE=unknown");
        return;
    };
    let folder = folder.canonicalize().unwrap_or(folder);
    match version(&folder) {
        Some(version) if !is_supported(&version) => {
            println!(
                "cargo::error=oxbert is made for torch 2.{} to 2.{}, but {} is of torch {version}. Let LIBTORCH name \
                 another one, e.g. the folder `torch` of `pip install torch==2.{}.*`",
                RELEASES.start(),
                RELEASES.end(),
                folder.display(),
                RELEASES.end()
            );
        }
        version => {
            let version = version.unwrap_or_default();
            let release = version.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
            println!("cargo::rustc-env=OXBERT_TORCH_RELEASE={}", if release.is_empty() { "unknown" } else { &release });
        }
    }
    // Link arguments do not reach dependents; their own build script finds the folder as DEP_OXBERT_LIBTORCH_LIB.
    println!("cargo::metadata=libtorch_lib={}", folder.display());
    if env::var_os("CARGO_FEATURE_PYTHON").is_some() {
        // The Python module is installed in site-packages/oxbert, beside site-packages/torch. The path is relative,
        // because pip may build against torch in a temporary folder.
        println!("cargo::rustc-link-arg=-Wl,-rpath,$ORIGIN/../torch/lib");
    } else {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{}", folder.display());
    }
}

fn is_supported(version: &str) -> bool {
    let mut parts = version.split('.');
    parts.next() == Some("2")
        && parts.next().and_then(|minor| minor.parse().ok()).is_some_and(|it| RELEASES.contains(&it))
}

/// Return the version in `version.py` of a wheel, or in `build-version` of a bare libtorch. A libtorch of the system
/// has neither.
fn version(libraries: &Path) -> Option<String> {
    let folder = libraries.parent()?;
    if let Ok(text) = std::fs::read_to_string(folder.join("build-version")) {
        return Some(text.trim().to_string());
    }
    let text = std::fs::read_to_string(folder.join("version.py")).ok()?;
    let line = text.lines().find(|line| line.starts_with("__version__"))?;
    line.split(['\'', '"']).nth(1).map(ToString::to_string)
}
