//! How the weights of a folder fit a model, without reading them.

use std::path::Path;

use tch::{Device, Tensor};

use super::load::{Described, open_folder};
use crate::error::Result;
use crate::models::Model;
use crate::weights::{LoadReport, Strictness, Tolerance};

/// How the weights of a folder fit a model.
#[derive(Debug)]
pub struct Description<C> {
    /// The configuration, as loading would find it.
    pub config: C,
    /// How many numbers the model's parameters hold.
    pub parameters: usize,
    /// What loading would report.
    pub report: LoadReport,
}

/// Compare the weights of a folder with a model by names and shapes. No tensor is read.
///
/// ```
/// use oxbert::electra::{ElectraConfig, ElectraDiscriminator, ElectraForSequenceClassification};
/// use oxbert::{Pretrained, pretrained::describe, weights::WeightFormat};
/// use tch::Device;
/// # let config = ElectraConfig { vocab_size: 50, hidden_size: 8, num_hidden_layers: 1, ..ElectraConfig::default() };
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path();
///
/// let model = Pretrained::<ElectraDiscriminator>::from_config(&config, Some(1), Device::Cpu)?;
/// model.save(folder, WeightFormat::Ot)?;
/// let found = describe::<ElectraDiscriminator>(folder)?;
/// assert!(found.report.missing.is_empty());
/// assert_eq!(found.parameters, model.parameters().iter().map(|(_, one)| one.numel()).sum::<usize>());
/// assert_eq!(describe::<ElectraForSequenceClassification>(folder)?.report.missing.len(), 4);
/// # Ok::<(), oxbert::Error>(())
/// ```
///
/// # Errors
/// [`Error::Io`](crate::Error::Io); [`Error::MissingFile`](crate::Error::MissingFile) if the folder lacks a file;
/// [`Error::Config`](crate::Error::Config); [`Error::WeightsFormat`](crate::Error::WeightsFormat).
pub fn describe<M: Model>(folder: impl AsRef<Path>) -> Result<Description<M::Config>> {
    let (config, source) = open_folder::<M>(folder)?;
    let Described { config, variables, .. } = Described::<M>::new(&source, &config, Device::Cpu)?;
    let tensors = variables.variables().into_iter().collect();
    let tolerance = Tolerance { strictness: Strictness::Nothing, ignore_sizes: true };
    let report = source.fit(&tensors, &M::BACKBONE, tolerance)?.report;
    Ok(Description { config, parameters: tensors.values().map(Tensor::numel).sum(), report })
}
