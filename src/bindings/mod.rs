//! Python's side of the crate. It mirrors the rooms of the crate, and only this room names pyo3.
//!
//! Everything that may take time or fail goes through one door, `door::enter`. Doc comments of exported classes,
//! methods and functions are Python's docstrings; `tools/stub_docs.py` copies them into `_native.pyi`.

// pyo3 passes owned arguments and needs methods; docstrings here are Python's, not Rust's markdown.
#![allow(clippy::needless_pass_by_value, clippy::unused_self, clippy::doc_markdown, clippy::doc_link_with_quotes)]

mod config;
mod door;
mod engine;

mod machine;
mod models;
mod pipelines;
mod pretraining;
mod records;
mod resources;
mod text;
mod weights;

use pyo3::prelude::*;

// The models are guarded by locks, but torch's own module is not ready for a Python without a GIL on every build.
/// Models, tokenizers and weight files of oxbert, in Rust on libtorch.
#[pymodule(gil_used = true)]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::door::remember_process();
        super::engine::record_with_torch();
        super::door::prepare_numpy(module.py())?;
        super::door::name_calls(module)
    }

    #[expect(non_upper_case_globals, reason = "Python's name of the version")]
    #[pymodule_export]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_export]
    const _TORCH_RELEASE: &str = env!("OXBERT_TORCH_RELEASE");

    #[pymodule_export]
    const WEIGHT_FILES: [&str; 8] = crate::resources::WEIGHT_FILES;

    #[pymodule_export]
    const _WEIGHT_FORMATS: [(&str, &str); 3] = super::weights::FORMATS;

    #[pymodule_export]
    const _TIES: [(&str, &str, &str, &str); 2] = super::weights::TIES;

    #[pymodule_export]
    use super::config::{PyConfig, PyDistilBertConfig, PyElectraConfig};
    #[pymodule_export]
    use super::door::_outside_modes;
    #[pymodule_export]
    use super::engine::_record;
    #[pymodule_export]
    use super::machine::{_features, _kernels, _set_threads, _threads};
    #[pymodule_export]
    use super::models::activation::PyActivation;
    #[pymodule_export]
    use super::models::base::PyModel;
    #[pymodule_export]
    use super::models::classes::{
        PyDistilBertForJointQuestionAnswering, PyDistilBertForLinearClassification, PyDistilBertForMaskedLM,
        PyDistilBertForMultipleChoice, PyDistilBertForQuestionAnswering, PyDistilBertForSequenceClassification,
        PyDistilBertForTokenClassification, PyDistilBertModel, PyElectraForJointQuestionAnswering,
        PyElectraForLinearClassification, PyElectraForMaskedLM, PyElectraForMultipleChoice, PyElectraForPreTraining,
        PyElectraForQuestionAnswering, PyElectraForSequenceClassification, PyElectraForTokenClassification,
        PyElectraModel,
    };
    #[pymodule_export]
    use super::models::heads::{
        PyElectraClassificationHead, PyElectraDiscriminatorHead, PyElectraGeneratorHead, PyElectraSequenceSummary,
    };
    #[pymodule_export]
    use super::pipelines::base::PyPipeline;
    #[pymodule_export]
    use super::pipelines::features::PyFeatureExtraction;
    #[pymodule_export]
    use super::pipelines::fill_mask::PyFillMask;
    #[pymodule_export]
    use super::pipelines::question_answering::PyQuestionAnswering;
    #[pymodule_export]
    use super::pipelines::replaced_tokens::PyReplacedTokenDetection;
    #[pymodule_export]
    use super::pipelines::sentences::PySentenceEncoder;
    #[pymodule_export]
    use super::pipelines::text_classification::PyTextClassification;
    #[pymodule_export]
    use super::pipelines::token_classification::PyTokenClassification;
    #[pymodule_export]
    use super::pipelines::zero_shot::PyZeroShotClassification;
    #[pymodule_export]
    use super::pretraining::model_garden::PyPretrainerHeads;
    #[pymodule_export]
    use super::pretraining::networks::PyPretrainingNetworks;
    #[pymodule_export]
    use super::records::PyTFRecordFile;
    #[pymodule_export]
    use super::resources::{
        PyDistilBertConfigResources, PyDistilBertModelResources, PyDistilBertVocabResources, PyElectraConfigResources,
        PyElectraModelResources, PyElectraVocabResources, PyLocalResource, PyRemoteResource, download_resource,
    };
    #[pymodule_export]
    use super::text::added::PyAddedToken;
    #[pymodule_export]
    use super::text::classes::{PyDistilBertTokenizer, PyElectraTokenizer};
    #[pymodule_export]
    use super::text::encodings::{PyEncoding, PyEncodings};
    #[pymodule_export]
    use super::text::tokenizer::PyTokenizer;
    #[pymodule_export]
    use super::weights::{canonical_name, describe_weights, find_weights, load_weights, save_weights, weight_origins};
}
