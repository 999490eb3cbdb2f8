//! `oxbert.load_weights`, `oxbert.save_weights`, `oxbert.canonical_name`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::bindings::door::{enter, enter_attached, raise, to_numpy, to_torch, warn};
use crate::bindings::models::parameters::named_tensors;
use crate::config::{Config, ElectraConfig, Labels};
use crate::error::Error;
use crate::names::Tie;
use crate::resources::ModelFolder;
use crate::weights::{Component, OpenOptions, WeightFile, WeightFormat, WeightSource, names, save_tensors};

/// Each format that is written: its name, and the name of its file in a model folder.
pub(super) const FORMATS: [(&str, &str); 3] = {
    let [best, second, third] = WeightFormat::ALL;
    [(best.name(), best.file_name()), (second.name(), second.file_name()), (third.name(), third.file_name())]
};

/// Each tied decoder of a masked LM: its weight, its bias, the prefix of the layers before it, the word embeddings.
pub(super) const TIES: [(&str, &str, &str, &str); 2] = {
    const fn fields(tie: Tie) -> (&'static str, &'static str, &'static str, &'static str) {
        (tie.decoder, tie.bias, tie.transform, tie.words)
    }
    [fields(crate::names::TIES[0]), fields(crate::names::TIES[1])]
};

/// Open a checkpoint of any format.
pub(crate) fn open_weights(py: Python<'_>, path: PathBuf, options: OpenOptions) -> PyResult<WeightSource> {
    /// The first bytes of an HDF5 file.
    const HDF5: &[u8] = b"\x89HDF";
    let is_hdf5 = enter(py, || {
        let mut start = [0; HDF5.len()];
        // Any other fault of the file is reported when it is opened below.
        let read = std::fs::metadata(&path).is_ok_and(|kind| kind.is_file())
            && File::open(&path).is_ok_and(|mut file| file.read_exact(&mut start).is_ok());
        Ok(read && start == HDF5)
    })?;
    if !is_hdf5 {
        return enter(py, || WeightSource::open_with(path, options));
    }
    let folder = enter(py, || tempfile::tempdir().map_err(Error::io("make", std::env::temp_dir())))?;
    let parts = folder.path().join("parts.safetensors");
    py.import("oxbert._hdf5")?.call_method1("take_apart", (&path, &parts))?;
    // Mapped files stay readable after the folder is removed.
    enter(py, || Ok(WeightSource::File(WeightFile::from_hdf5_parts(&parts, path)?)))
}

pub(crate) fn parse_component(py: Python<'_>, name: &str) -> PyResult<Component> {
    let refused = || Error::input("component", format!("expected \"generator\" or \"discriminator\", got {name:?}"));
    Component::from_name(name).ok_or_else(|| raise(py, refused()))
}

/// Warn if the number of heads of a checkpoint of google-research/electra is only assumed.
pub(crate) fn warn_of_heads(py: Python<'_>, path: &Path, config: &ElectraConfig) -> PyResult<()> {
    if config.has_known_heads() {
        return Ok(());
    }
    let (path, heads, width) = (path.display(), config.num_attention_heads, config.hidden_size);
    let message = format!(
        "{path} does not record its number of attention heads, and no published model is {width} wide: assumed {heads}, \
         one head per 64 columns; pass num_attention_heads, or put it into a config.json beside the checkpoint",
    );
    warn(py, "AssumedHeadsWarning", &message)
}

/// Load the tensors of a checkpoint of any format by name; nothing in a file is executed.
///
/// The formats are `.safetensors`, `.ot`, torch's `.bin` and `.pt`, checkpoints of TensorFlow, Flax's `.msgpack` and
/// Keras's `.h5`, recognised by their content. Tensors of the last three get transformers' names for torch, and are
/// transposed as there.
///
/// Args:
///     path: The file; the index of several (`model.safetensors.index.json`); or TensorFlow's `model.ckpt-N`.
///     component: The network to take from a checkpoint of google-research/electra that has both.
///     arrays: `numpy` or `torch`. `numpy` converts float16 and bfloat16 to float32, which holds every value of both;
///         `torch` keeps the dtype of the file.
///
/// Raises:
///     MissingFileError: if there is no such file.
///     MissingDependencyError: if the file is an `.h5` and h5py is not installed.
///     WeightsFormatError: if the file is truncated, corrupt or of another format.
///     InputError: if `arrays` is neither of the two, or if the checkpoint has two networks and `component` is None.
///
/// Example:
///     >>> oxbert.save_weights({"a.bias": torch.tensor([1.0, 2.0], dtype=torch.float16)}, "one.safetensors")
///     >>> oxbert.load_weights("one.safetensors", "torch")["a.bias"].dtype
///     torch.float16
#[pyfunction]
#[pyo3(signature = (path, arrays = "numpy", *, component = None))]
pub(crate) fn load_weights<'py>(
    py: Python<'py>,
    path: PathBuf,
    arrays: &str,
    component: Option<&str>,
) -> PyResult<Bound<'py, PyDict>> {
    if !matches!(arrays, "numpy" | "torch") {
        let reason = format!("expected \"numpy\" or \"torch\", got {arrays:?}");
        return Err(raise(py, Error::input("arrays", reason)));
    }
    let component = component.map(|name| parse_component(py, name)).transpose()?;
    let source = open_weights(py, path, OpenOptions { component, preferred: None })?;
    let tensors = PyDict::new(py);
    let names: Vec<String> = source.names().into_iter().map(ToString::to_string).collect();
    for name in names {
        py.check_signals()?;
        let source = &source;
        let tensor = enter_attached(py, || source.tensor(&name))?;
        tensors.set_item(&name, if arrays == "torch" { to_torch(py, &tensor)? } else { to_numpy(py, &tensor)? })?;
    }
    Ok(tensors)
}

/// Return how a checkpoint names and stores its tensors, if that differs from torch.
///
/// Args:
///     path: As for `load_weights`.
///     component: As for `load_weights`.
///
/// Returns:
///     For each name that `load_weights` gives, the name in the file and whether the tensor is transposed there.
///
/// Raises:
///     OxbertError: as `load_weights`.
///
/// Example:
///     >>> oxbert.save_weights({"a.bias": np.zeros(2)}, "three.ot")
///     >>> oxbert.weight_origins("three.ot")
///     {}
#[pyfunction]
#[pyo3(signature = (path, *, component = None))]
pub(crate) fn weight_origins(
    py: Python<'_>,
    path: PathBuf,
    component: Option<&str>,
) -> PyResult<BTreeMap<String, (String, bool)>> {
    let component = component.map(|name| parse_component(py, name)).transpose()?;
    let source = open_weights(py, path, OpenOptions { component, preferred: None })?;
    let WeightSource::File(file) = &source else { return Ok(BTreeMap::new()) };
    let origin = |name: &str| {
        let origin = file.origin(name)?;
        Some((name.to_string(), (origin.name.clone(), origin.is_transposed)))
    };
    Ok(file.names().filter_map(origin).collect())
}

/// Return the text of a `config.json` inferred from the shapes of a checkpoint of google-research/electra.
///
/// Returns:
///     The text; None for other checkpoints.
///
/// Args:
///     path: As for `load_weights`.
///     component: As for `load_weights`.
///
/// Raises:
///     OxbertError: as `load_weights`.
///
/// Example:
///     >>> oxbert.save_weights({"a.bias": np.zeros(2)}, "four.ot")
///     >>> oxbert.describe_weights("four.ot") is None
///     True
#[pyfunction]
#[pyo3(signature = (path, *, component = None))]
pub(crate) fn describe_weights(py: Python<'_>, path: PathBuf, component: Option<&str>) -> PyResult<Option<String>> {
    let component = component.map(|name| parse_component(py, name)).transpose()?;
    let source = open_weights(py, path.clone(), OpenOptions { component, preferred: None })?;
    let described = ElectraConfig::from_shapes(|name| source.shape(name)).filter(|_| source.is_googles());
    if let Some(config) = &described {
        warn_of_heads(py, &path, config)?;
    }
    Ok(described.map(|mut config| {
        let has = |name: &str| source.shape(name).is_some();
        let heads = [
            ("generator_predictions.dense.weight", "ElectraForMaskedLM"),
            ("discriminator_predictions.dense.weight", "ElectraForPreTraining"),
            ("classifier.weight", "ElectraForTokenClassification"),
        ];
        let found = heads.into_iter().find(|(tensor, _)| has(tensor));
        config.note_architecture(found.map_or("ElectraModel", |(_, name)| name));
        if let Some(labels) = source.shape("classifier.bias") {
            config.labels = Labels::numbered(labels.iter().product::<i64>() as usize);
        }
        config.to_json()
    }))
}

/// Return the weight file that is read from a folder: the first of `WEIGHT_FILES`, or a checkpoint of TensorFlow.
///
/// Raises:
///     MissingFileError: if the folder has no weight file; `found` lists its files.
///
/// Example:
///     >>> oxbert.save_weights({"a.bias": np.zeros(2)}, "model.safetensors")
///     >>> oxbert.find_weights(".").name
///     'model.safetensors'
#[pyfunction]
pub(crate) fn find_weights(py: Python<'_>, folder: PathBuf) -> PyResult<PathBuf> {
    enter(py, || ModelFolder::open(folder)?.weights())
}

/// Write tensors by name. A crash leaves either the old or the new file.
///
/// Args:
///     tensors: Names, and torch tensors or numpy arrays of a float, integer or bool dtype.
///     path: A path that ends with `.ot`, `.safetensors` or `.bin`, which decides the format.
///
/// Raises:
///     FileError: if the file cannot be written.
///     InputError: if the path ends otherwise.
///     DtypeError: if a tensor has another dtype.
///
/// Example:
///     >>> oxbert.save_weights({"a.weight": np.eye(2)}, "two.ot")
///     >>> oxbert.load_weights("two.ot")["a.weight"].tolist()
///     [[1.0, 0.0], [0.0, 1.0]]
#[pyfunction]
pub(crate) fn save_weights(py: Python<'_>, tensors: &Bound<'_, PyDict>, path: PathBuf) -> PyResult<()> {
    let tensors = named_tensors(tensors)?;
    enter(py, move || save_tensors(&path, &tensors, WeightFormat::of(&path)?))
}

/// Return a tensor's name as the models write it.
///
/// Removes a wrapper's prefix (`module.`) and writes `LayerNorm.gamma` and `.beta` as `.weight` and `.bias`. Returns
/// None for the buffers `position_ids` and `token_type_ids`, which no model needs.
///
/// Example:
///     >>> oxbert.canonical_name("module.electra.embeddings.LayerNorm.gamma")
///     'electra.embeddings.LayerNorm.weight'
#[pyfunction]
pub(crate) fn canonical_name(name: &str) -> Option<String> {
    names::canonical(name)
}
