//! Named tensors -> the parameters of a model.

use std::collections::BTreeMap;

use serde::Serialize;
use tch::nn::VarStore;
use tch::{Kind, Tensor};

use super::names::{Family, Resolution, resolve};
use super::source::WeightSource;
use super::ties;
use crate::error::{Error, Mismatch, Result};
use crate::nn::precision;

/// Which differences between a file and a model are errors. A wrong shape is always an error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Strictness {
    /// A missing or unexpected part of the backbone is an error. A missing head and the tensors of other heads are
    /// accepted, since fine-tuning starts with them.
    #[default]
    Backbone,
    /// Every difference is an error.
    Everything,
    /// No difference is an error.
    Nothing,
}

/// Which differences between a file and a model are allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tolerance {
    /// Which missing and unexpected tensors are errors.
    pub strictness: Strictness,
    /// Whether a tensor with another shape than its parameter is left out, and the parameter keeps its initial value.
    pub ignore_sizes: bool,
}

impl From<Strictness> for Tolerance {
    fn from(strictness: Strictness) -> Self {
        Self { strictness, ignore_sizes: false }
    }
}

/// The result of loading a file into a model.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LoadReport {
    /// The number of parameters that the file filled.
    pub loaded: usize,
    /// Parameters that the file lacks, which keep their initial values.
    pub missing: Vec<String>,
    /// Tensors of the file without a parameter in the model, by the file's names.
    pub unexpected: Vec<String>,
    /// Parameters whose tensors were left out for their shape, as [`Tolerance::ignore_sizes`] allows. They keep their
    /// initial values.
    pub mismatched: Vec<Mismatch>,
    /// Name in the file -> name in the model, if the two differ.
    pub renamed: BTreeMap<String, String>,
    /// Parameters with an infinite or NaN element, which makes the model's results infinite or NaN.
    pub not_finite: Vec<String>,
}

impl LoadReport {
    /// Return the names of the parameters that keep their initial values, missing ones first.
    #[must_use]
    pub fn unfilled(&self) -> Vec<String> {
        let mismatched = self.mismatched.iter().map(|mismatch| &mismatch.name);
        self.missing.iter().chain(mismatched).cloned().collect()
    }
}

/// A function that gets the number of bytes filled so far and the number of all bytes. If it returns an error, loading
/// stops with that error.
pub type Watch<'a> = &'a dyn Fn(usize, usize) -> Result<()>;

/// The places of a model's parameters in a file, with everything checked.
#[derive(Debug)]
pub(crate) struct Fit {
    /// Parameter -> name in the file.
    pub(crate) found: BTreeMap<String, String>,
    /// Bytes of the parameters that the file fills.
    pub(crate) bytes: usize,
    /// The parameters that the file fills and those that it lacks.
    pub(crate) report: LoadReport,
}

fn size_in_bytes(parameter: &Tensor) -> usize {
    parameter.numel() * parameter.kind().elt_size_in_bytes()
}

impl WeightSource {
    /// Return whether the file has a decoder of a masked LM with other values than the word embeddings.
    ///
    /// # Errors
    /// [`Error::Torch`] if there is no memory.
    pub fn is_untied(&self, family: &Family) -> Result<bool> {
        // `TIES` has the names of a model with a head.
        let parameters = ties::TIES.iter().map(|(_, words)| (*words).to_string()).collect();
        let mut resolution = resolve(self.names(), &parameters, family);
        self.differs(&ties::absorb(&mut resolution, ties::TIES.iter().copied()))
    }

    fn differs(&self, pairs: &[(String, String)]) -> Result<bool> {
        for (decoder, words) in pairs {
            if !self.are_equal(decoder, words)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Load the parameters of a variable store. Every name, shape and dtype is checked before any parameter changes,
    /// and all differences are reported at once.
    ///
    /// # Errors
    /// [`Error::WeightsMismatch`] if a difference is an error under `tolerance`; [`Error::WeightsFormat`] if two
    /// tensors of the file are the same parameter.
    pub fn load_into(
        &self,
        variables: &VarStore,
        family: &Family,
        tolerance: impl Into<Tolerance>,
    ) -> Result<LoadReport> {
        self.load_into_watched(variables, family, tolerance, &|_, _| Ok(()))
    }

    /// Load as [`WeightSource::load_into`] does, and call `watch` before each parameter. If it returns an error, some
    /// parameters have been filled and others have not, so the model must be dropped.
    ///
    /// # Errors
    /// The errors of [`WeightSource::load_into`], and the error of `watch`.
    pub fn load_into_watched(
        &self,
        variables: &VarStore,
        family: &Family,
        tolerance: impl Into<Tolerance>,
        watch: Watch,
    ) -> Result<LoadReport> {
        let parameters: BTreeMap<String, Tensor> = variables.variables().into_iter().collect();
        let Fit { found, bytes, mut report } = self.fit(&parameters, family, tolerance.into())?;
        let _no_grad = tch::no_grad_guard();
        let mut done = 0;
        for (name, source) in &found {
            let Some(parameter) = parameters.get(name) else { continue };
            watch(done, bytes)?;
            if !self.copy_into(source, parameter)? {
                report.not_finite.push(name.clone());
            }
            done += size_in_bytes(parameter);
        }
        watch(bytes, bytes)?;
        Ok(report)
    }

    /// Find the tensor of the file for each parameter, and check names, shapes and dtypes. Values are only read to
    /// check a tie.
    ///
    /// # Errors
    /// The errors of [`WeightSource::load_into`].
    pub(crate) fn fit(
        &self,
        parameters: &BTreeMap<String, Tensor>,
        family: &Family,
        tolerance: Tolerance,
    ) -> Result<Fit> {
        let mut resolution = resolve(self.names(), &parameters.keys().cloned().collect(), family);
        if let Some((one, other)) = &resolution.ambiguous {
            return Err(Error::WeightsFormat {
                path: self.path().unwrap_or_else(|| std::path::Path::new("the state dict")).to_path_buf(),
                reason: format!("{one} and {other} are the same parameter; remove one of them"),
            });
        }
        let tied = ties::absorb(&mut resolution, ties::tied(parameters));
        let mut left_out =
            if tolerance.ignore_sizes { self.leave_out(parameters, &mut resolution)? } else { Vec::new() };
        let mut report = self.compare(parameters, &resolution)?;
        report.missing.retain(|name| left_out.iter().all(|mismatch| mismatch.name != *name));
        if self.differs(&tied)? {
            report.mismatched.extend(tied.iter().map(|(decoder, words)| Mismatch {
                name: decoder.clone(),
                expected: format!("the values of {words}, since tie_word_embeddings is true"),
                got: "different values".into(),
                shapes: None,
            }));
        }
        refuse(&report, &resolution, family, tolerance.strictness, self.path())?;
        report.mismatched.append(&mut left_out);
        let bytes = resolution.found.keys().filter_map(|name| parameters.get(name)).map(size_in_bytes).sum();
        Ok(Fit { found: resolution.found, bytes, report })
    }

    /// Take the float tensors out of a resolution that have another shape than their parameters.
    fn leave_out(&self, parameters: &BTreeMap<String, Tensor>, resolution: &mut Resolution) -> Result<Vec<Mismatch>> {
        let mut left_out = Vec::new();
        for (name, parameter) in parameters {
            let Some(source) = resolution.found.get(name) else { continue };
            let (shape, kind) = self.describe(source)?;
            if shape != parameter.size() && precision::is_float(kind) {
                left_out.push(mismatch(name, parameter, shape, kind));
                resolution.found.remove(name);
            }
        }
        Ok(left_out)
    }

    fn compare(&self, parameters: &BTreeMap<String, Tensor>, resolution: &Resolution) -> Result<LoadReport> {
        let mut report = LoadReport { loaded: resolution.found.len(), ..LoadReport::default() };
        for (name, parameter) in parameters {
            let Some(source) = resolution.found.get(name) else {
                report.missing.push(name.clone());
                continue;
            };
            if source != name {
                report.renamed.insert(source.clone(), name.clone());
            }
            let (shape, kind) = self.describe(source)?;
            if shape != parameter.size() || !precision::is_float(kind) {
                report.mismatched.push(mismatch(name, parameter, shape, kind));
            }
        }
        report.unexpected = resolution.unexpected.values().cloned().collect();
        Ok(report)
    }
}

fn mismatch(name: &str, parameter: &Tensor, shape: Vec<i64>, kind: Kind) -> Mismatch {
    Mismatch {
        name: name.to_string(),
        expected: format!("{:?} of a float dtype", parameter.size()),
        got: format!("{shape:?} of {}", precision::describe_kind(kind)),
        shapes: Some((parameter.size(), shape)),
    }
}

fn refuse(
    report: &LoadReport,
    resolution: &Resolution,
    family: &Family,
    strictness: Strictness,
    path: Option<&std::path::Path>,
) -> Result<()> {
    let matters = |name: &str| match strictness {
        Strictness::Backbone => family.is_backbone(name),
        Strictness::Everything => true,
        Strictness::Nothing => false,
    };
    let missing: Vec<String> = report.missing.iter().filter(|name| matters(name)).cloned().collect();
    // If nothing fits, the file's names say what it is.
    let is_foreign = report.loaded == 0 && !missing.is_empty();
    let unexpected = resolution.unexpected.iter().filter(|(ours, _)| is_foreign || matters(ours));
    let unexpected: Vec<String> = unexpected.map(|(_, source)| source.clone()).collect();
    if missing.is_empty() && unexpected.is_empty() && report.mismatched.is_empty() {
        return Ok(());
    }
    Err(Error::WeightsMismatch {
        path: path.map(std::path::Path::to_path_buf),
        missing,
        unexpected,
        mismatched: report.mismatched.clone(),
    })
}
