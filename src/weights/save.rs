//! The parameters of a model -> a file.

use std::collections::BTreeMap;
use std::path::Path;

use tch::Tensor;
use tch::nn::VarStore;

use super::source::to_raw;
use super::torch::{stage_bin, stage_ot};
use super::{RawTensor, safetensors_file, ties};
use crate::error::{Error, Result};
use crate::files::Staged;
use crate::names::{BIN_FILE, Family, OT_FILE, SAFETENSORS_FILE};

/// The formats that are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum WeightFormat {
    /// `model.safetensors`, for transformers. A tied decoder is not written.
    #[default]
    Safetensors,
    /// `rust_model.ot`, for rust_bert and tch. A tied decoder is written as a copy, since these libraries tie nothing.
    Ot,
    /// `pytorch_model.bin`, for old programs. A tied decoder is not written.
    Bin,
}

impl WeightFormat {
    /// All formats, in order of preference.
    pub const ALL: [Self; 3] = [Self::Safetensors, Self::Ot, Self::Bin];

    /// Return the name of the file in a model folder.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Safetensors => SAFETENSORS_FILE,
            Self::Ot => OT_FILE,
            Self::Bin => BIN_FILE,
        }
    }

    /// Return the name of the format, which is the ending of its files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Safetensors => "safetensors",
            Self::Ot => "ot",
            Self::Bin => "bin",
        }
    }

    /// Return the format of a name; None for any other name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Return the format for the ending of a file's name.
    ///
    /// # Errors
    /// [`Error::Input`] if the ending is not `.safetensors`, `.ot`, `.bin`, `.pt` or `.pth`.
    pub fn of(path: &Path) -> Result<Self> {
        let format = match path.extension().and_then(|ending| ending.to_str()) {
            // Files of `torch.save` have these endings too.
            Some("pt" | "pth") => Some(Self::Bin),
            ending => ending.and_then(Self::from_name),
        };
        format.ok_or_else(|| {
            let got = path.display();
            Error::input("path", format!("expected a path that ends in .ot, .safetensors or .bin, got {got}"))
        })
    }
}

/// Write named tensors. A crash leaves the old file or the new one, never a partial file.
///
/// # Errors
/// [`Error::Io`] if the file cannot be written; [`Error::Dtype`] if the format does not have a tensor's dtype.
pub fn save_tensors(path: impl AsRef<Path>, tensors: &[(String, Tensor)], format: WeightFormat) -> Result<()> {
    let mut files = Staged::default();
    stage_tensors(&mut files, path.as_ref(), tensors, format)?;
    files.commit()
}

fn stage_tensors(files: &mut Staged, path: &Path, tensors: &[(String, Tensor)], format: WeightFormat) -> Result<()> {
    let raw = tensors
        .iter()
        .map(|(name, tensor)| Ok((name.as_str(), to_raw(name, tensor)?)))
        .collect::<Result<Vec<(&str, RawTensor)>>>()?;
    match format {
        WeightFormat::Safetensors => safetensors_file::stage(files, path, &raw),
        WeightFormat::Ot => stage_ot(files, path, &raw),
        WeightFormat::Bin => stage_bin(files, path, &raw),
    }
}

/// Write all variables of a store under their names, or under rust_bert's names in an `.ot` file.
///
/// # Errors
/// The errors of [`save_tensors`].
pub fn save_variables(
    path: impl AsRef<Path>,
    variables: &VarStore,
    family: &Family,
    format: WeightFormat,
) -> Result<()> {
    let mut files = Staged::default();
    stage_variables(&mut files, path.as_ref(), variables, family, format)?;
    files.commit()
}

/// Stage the file that [`save_variables`] writes, together with other files.
pub(crate) fn stage_variables(
    files: &mut Staged,
    path: &Path,
    variables: &VarStore,
    family: &Family,
    format: WeightFormat,
) -> Result<()> {
    let mut parameters: BTreeMap<String, Tensor> = variables.variables().into_iter().collect();
    if format == WeightFormat::Ot {
        let is_alone = !parameters.keys().any(|name| name.split('.').next() == Some(family.prefix));
        if is_alone && !family.rust_bert_root.is_empty() {
            let rooted = |(name, tensor)| (format!("{}.{name}", family.rust_bert_root), tensor);
            parameters = parameters.into_iter().map(rooted).collect();
        }
        // rust_bert ties nothing, so a file for it needs both names.
        let copies: Vec<_> = ties::tied(&parameters)
            .filter_map(|(decoder, words)| Some((decoder.to_string(), parameters.get(words)?.shallow_clone())))
            .collect();
        parameters.extend(copies);
    }
    stage_tensors(files, path, &parameters.into_iter().collect::<Vec<_>>(), format)
}
