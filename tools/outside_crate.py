"""Make a crate that depends on oxbert, outside the tree, and build and run it with each way to name libtorch.

    python tools/outside_crate.py              # all ways; minutes each, because C++ is compiled for each
    python tools/outside_crate.py libtorch     # one way

The program is that of rust_bert's documentation for ELECTRA and DistilBERT, with the changes that docs/deviations.md
lists, on the bundled vocabulary and on models that it saves first.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

MANIFEST = """
[package]
name = "outside"
version = "0.1.0"
edition = "2024"

[dependencies]
oxbert = {{ path = {root}, features = {features} }}
rust_tokenizers = {{ version = "8.1.1", default-features = false }}
tch = {{ version = "0.26", default-features = false }}

[profile.release]
debug = "line-tables-only"
overflow-checks = true

[profile.release.package.torch-sys]
opt-level = 1
debug = false
"""

BUILD = """
fn main() {
    // The build script of oxbert hands over where libtorch is.
    println!("cargo::rustc-link-arg=-Wl,-rpath,{}", std::env::var("DEP_OXBERT_LIBTORCH_LIB").unwrap());
}
"""

CONFIGURATION = """
[env]
HOST_CXXFLAGS = "-std=c++20 -include oxbert_torch.h"
CPLUS_INCLUDE_PATH = { value = "libtorch", relative = true }
"""

PROGRAM = r"""
use std::error::Error;
use std::path::Path;

use rust_tokenizers::tokenizer::{BertTokenizer, Tokenizer, TruncationStrategy};
use tch::{Device, Tensor, nn, no_grad};

fn electra(folder: &Path) -> Result<(), Box<dyn Error>> {
    use oxbert::Config;
    use oxbert::electra::{ElectraConfig, ElectraForMaskedLM};
    use oxbert::resources::{LocalResource, ResourceProvider};

    let config_resource = LocalResource::from(folder.join("config.json"));
    let vocab_resource = LocalResource::from(folder.join("vocab.txt"));
    let weights_resource = LocalResource::from(folder.join("rust_model.ot"));
    let config_path = config_resource.get_local_path()?;
    let vocab_path = vocab_resource.get_local_path()?;
    let weights_path = weights_resource.get_local_path()?;
    let device = Device::cuda_if_available();
    let mut vs = nn::VarStore::new(device);
    let tokenizer = BertTokenizer::from_file(&vocab_path, true, true)?;
    let config = ElectraConfig::from_file(config_path)?;
    let electra_model = ElectraForMaskedLM::new(vs.root(), &config)?;
    vs.load(weights_path)?;

    let tokens = tokenizer.encode("The function returns a [MASK] value.", None, 64, &TruncationStrategy::LongestFirst, 0);
    let ids = Tensor::from_slice(&tokens.token_ids).unsqueeze(0).to_device(device);
    let output = no_grad(|| electra_model.forward_t(Some(&ids), None, None, None, None, false))?;
    assert_eq!(output.prediction_scores.size(), [1, tokens.token_ids.len() as i64, config.vocab_size]);
    println!("ELECTRA {:?}", output.prediction_scores.size());
    Ok(())
}

fn distilbert(folder: &Path, vocab_path: &Path) -> Result<(), Box<dyn Error>> {
    use oxbert::Config;
    use oxbert::distilbert::{DistilBertConfig, DistilBertModelMaskedLM};

    let device = Device::cuda_if_available();
    let mut vs = nn::VarStore::new(device);
    let tokenizer = BertTokenizer::from_file(vocab_path, true, true)?;
    let config = DistilBertConfig::from_file(folder.join("config.json"))?;
    let bert_model = DistilBertModelMaskedLM::new(vs.root(), &config)?;
    vs.load(folder.join("rust_model.ot"))?;

    let tokens = tokenizer.encode("A text.", None, 64, &TruncationStrategy::LongestFirst, 0);
    let ids = Tensor::from_slice(&tokens.token_ids).unsqueeze(0).to_device(device);
    let output = no_grad(|| bert_model.forward_t(Some(&ids), None, None, false))?;
    assert_eq!(output.prediction_scores.size()[2], config.vocab_size);
    println!("DistilBERT {:?}", output.prediction_scores.size());
    Ok(())
}

/// Save a new model as `rust_model.ot` beside its configuration.
fn save<M: oxbert::models::Model>(config: &M::Config, folder: &Path) -> oxbert::Result<()> {
    let model = oxbert::Pretrained::<M>::from_config(config, Some(1), Device::Cpu)?;
    model.save(folder, oxbert::weights::WeightFormat::Ot)
}

fn main() -> Result<(), Box<dyn Error>> {
    use oxbert::Config;
    use oxbert::distilbert::{DistilBertConfig, DistilBertForMaskedLM};
    use oxbert::electra::{ElectraConfig, ElectraForMaskedLM};

    let bundled = std::path::PathBuf::from(std::env::args().nth(1).unwrap());
    let folder = std::path::PathBuf::from(std::env::args().nth(2).unwrap());
    let vocabulary = bundled.join("vocab.txt");
    let config = ElectraConfig::from_file(bundled.join("config.json"))?;
    save::<ElectraForMaskedLM>(&config, &folder.join("electra"))?;
    std::fs::copy(&vocabulary, folder.join("electra/vocab.txt"))?;
    electra(&folder.join("electra"))?;
    let config = DistilBertConfig {
        vocab_size: config.vocab_size, dim: 16, n_heads: 2, n_layers: 2, hidden_dim: 32, ..DistilBertConfig::default()
    };
    save::<DistilBertForMaskedLM>(&config, &folder.join("distilbert"))?;
    distilbert(&folder.join("distilbert"), &vocabulary)
}
"""

Variables = dict[str, str]


def installed_torch() -> Path:
    """Return the folder of this interpreter's torch."""
    spec = importlib.util.find_spec("torch")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("torch is not installed beside this Python")
    return Path(spec.submodule_search_locations[0])


def libtorch(folder: Path) -> Variables:
    return {"LIBTORCH": str(folder)}


def python(folder: Path) -> Variables:
    # torch-sys runs `python` if VIRTUAL_ENV is set.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {
        "LIBTORCH_USE_PYTORCH": "1",
        "LIBTORCH_BYPASS_VERSION_CHECK": "1",
        "VIRTUAL_ENV": sys.prefix,
        "PATH": path,
    }


def parts(folder: Path) -> Variables:
    # torch-sys asks for LIBTORCH even if both of its parts are named.
    return {"LIBTORCH": str(folder), "LIBTORCH_LIB": str(folder), "LIBTORCH_INCLUDE": str(folder)}


def download(folder: Path) -> Variables:
    return {}


def system(folder: Path) -> Variables:
    return {}


WAYS: dict[str, tuple[Callable[[Path], Variables], list[str]]] = {
    "libtorch": (libtorch, ["remote"]),
    "python": (python, ["remote"]),
    "parts": (parts, ["remote"]),
    "system": (system, ["remote"]),
    "download": (download, ["remote", "download-libtorch"]),
}


def make_crate(folder: Path, features: list[str]) -> None:
    """Write the crate into an empty folder."""
    (folder / "src").mkdir()
    (folder / ".cargo").mkdir()
    (folder / "libtorch").mkdir()
    manifest = MANIFEST.format(root=json.dumps(str(ROOT)), features=json.dumps(features))
    (folder / "Cargo.toml").write_text(manifest, encoding="utf-8")
    (folder / "build.rs").write_text(BUILD, encoding="utf-8")
    (folder / "src" / "main.rs").write_text(PROGRAM, encoding="utf-8")
    (folder / ".cargo" / "config.toml").write_text(CONFIGURATION, encoding="utf-8")
    shutil.copy(ROOT / "libtorch" / "oxbert_torch.h", folder / "libtorch")
    shutil.copy(ROOT / "Cargo.lock", folder)


@contextmanager
def system_libtorch(torch: Path) -> Iterator[list[str]]:
    """Give the command that runs another with torch's files in /usr/lib and /usr/include, as a package would put them.

    So are the libraries of CUDA that a build of torch for GPUs needs, which pip installs beside it. The files
    appear in a mount namespace of the command only, which root alone may make.
    """
    with tempfile.TemporaryDirectory() as folder:
        lines = ["set -e"]
        libraries = [torch / "lib", *sorted(torch.parent.glob("nvidia/*/lib"))]
        for name, sources in (("lib", libraries), ("include", [torch / "include"])):
            layers = ":".join(f"'{source}'" for source in [*sources, f"/usr/{name}"])
            lines.append(f"mount -t overlay overlay -o lowerdir={layers} /usr/{name}")
        lines.append('exec "$@"')
        script = Path(folder, "run")
        script.write_text("\n".join(lines), encoding="utf-8")
        yield ["unshare", "--mount", "sh", str(script)]


def run_way(name: str, target: Path | None) -> None:
    """Build and run the crate in one way."""
    torch = installed_torch()
    variables, features = WAYS[name]
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("LIBTORCH", "LD_LIBRARY", "VIRTUAL"))
    }
    environment = {**kept, **variables(torch)}
    with tempfile.TemporaryDirectory(prefix="oxbert-outside-") as folder:
        crate = Path(folder, "crate")
        crate.mkdir()
        make_crate(crate, features)
        environment["CARGO_TARGET_DIR"] = str(target or Path(folder, "target"))
        models = Path(folder, "models")
        models.mkdir()
        bundled = ROOT / "python" / "oxbert" / "bundled" / "electra-tiny-generator"
        command = ["cargo", "run", "--release", "--quiet", "--", str(bundled), str(models)]
        with system_libtorch(torch) as inside:
            prefix = inside if name == "system" else []
            subprocess.run([*prefix, *command], cwd=crate, env=environment, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ways", nargs="*", choices=[*WAYS, []], help="the ways to try; all without a name")
    parser.add_argument("--target", type=Path, help="the folder for build products; a temporary one by default")
    arguments = parser.parse_args()
    failed = []
    for name in arguments.ways or WAYS:
        print(f"== {name}", flush=True)
        try:
            run_way(name, arguments.target)
        except subprocess.CalledProcessError as error:
            failed.append(name)
            print(f"failed with exit status {error.returncode}", flush=True)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
