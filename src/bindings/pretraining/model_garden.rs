//! `oxbert.PretrainerHeads`, on which `oxbert.ElectraPretrainer` stands.

use pyo3::prelude::*;
use tch::nn::VarStore;
use tch::{Device, Tensor};

use crate::bindings::door::{Guarded, argument_readers, enter, integer, raise, tensor, to_torch};
use crate::bindings::models::activation::parse;
use crate::bindings::models::parameters::named;
use crate::error::Result;
use crate::nn::{Initial, Parameters};
use crate::pretraining::{ElectraPretrainer, PretrainerConfig, PretrainerInputs};

argument_readers! {
    generator_hidden: i64 = |what, value| integer(what, value, 1..=i64::MAX);
    discriminator_hidden: i64 = |what, value| integer(what, value, 1..=i64::MAX);
    vocab_size: i64 = |what, value| integer(what, value, 1..=i64::MAX);
    embedding_size: i64 = |what, value| integer(what, value, 1..=i64::MAX);
    num_classes: i64 = |what, value| integer(what, value, 1..=i64::MAX);
}

struct Heads {
    heads: ElectraPretrainer,
    variables: VarStore,
}

/// Run the heads of TF Model Garden's pretrainer on the sequence outputs of two networks, for `ElectraPretrainer`.
///
/// Methods take and return torch tensors.
///
/// Args:
///     generator_hidden: H of the generator.
///     discriminator_hidden: H of the discriminator.
///     vocab_size: V, rows of the generator's table of words.
///     embedding_size: E, columns of that table.
///     num_classes: Classes of the sentence head.
///     mlm_activation: The activation of the masked-LM head and of the discriminator's projection.
///     log_probabilities: Whether `lm_outputs` are logarithms of probabilities; otherwise they are logits.
///     disallow_correct: Never draw the original token.
///
/// Raises:
///     InputError: if there is no such activation.
///
/// Example:
///     >>> heads = oxbert.PretrainerHeads(
///     ...     generator_hidden=4, discriminator_hidden=6, vocab_size=9, embedding_size=3, num_classes=2
///     ... )
///     >>> heads.disc_logits(torch.zeros(1, 5, 6)).shape
///     torch.Size([1, 5])
#[pyclass(name = "PretrainerHeads", module = "oxbert", frozen, weakref)]
pub(crate) struct PyPretrainerHeads {
    inner: Guarded<Heads>,
}

impl PyPretrainerHeads {
    fn run<'py>(
        &self,
        py: Python<'py>,
        work: impl FnOnce(&ElectraPretrainer) -> Result<Tensor> + Send,
    ) -> PyResult<Bound<'py, PyAny>> {
        let result = enter(py, || work(&self.inner.lock()?.heads))?;
        to_torch(py, &result)
    }
}

#[pymethods]
impl PyPretrainerHeads {
    #[new]
    #[pyo3(signature = (
        *,
        generator_hidden,
        discriminator_hidden,
        vocab_size,
        embedding_size,
        num_classes,
        mlm_activation = "linear",
        log_probabilities = false,
        disallow_correct = false,
    ))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of the original")]
    fn new(
        py: Python<'_>,
        #[pyo3(from_py_with = generator_hidden)] generator_hidden: i64,
        #[pyo3(from_py_with = discriminator_hidden)] discriminator_hidden: i64,
        #[pyo3(from_py_with = vocab_size)] vocab_size: i64,
        #[pyo3(from_py_with = embedding_size)] embedding_size: i64,
        #[pyo3(from_py_with = num_classes)] num_classes: i64,
        mlm_activation: &str,
        log_probabilities: bool,
        disallow_correct: bool,
    ) -> PyResult<Self> {
        let mlm_activation = parse("mlm_activation", mlm_activation).map_err(|error| raise(py, error))?;
        let config = PretrainerConfig {
            generator_hidden,
            discriminator_hidden,
            vocab_size,
            embedding_size,
            num_classes,
            mlm_activation,
            log_probabilities,
            disallow_correct,
        };
        let heads = enter(py, move || {
            let variables = VarStore::new(Device::Cpu);
            let initial = Initial { standard_deviation: 0.0, padding: None, sinusoidal: false };
            let heads = ElectraPretrainer::new(&Parameters::random(&variables.root(), initial), config)?;
            Ok(Heads { heads, variables })
        })?;
        Ok(Self { inner: Guarded::new(heads) })
    }

    /// Return the names and the parameters themselves.
    fn named_parameters<'py>(&self, py: Python<'py>) -> PyResult<Vec<(String, Bound<'py, PyAny>)>> {
        let mut parameters: Vec<(String, Tensor)> =
            enter(py, || Ok(self.inner.lock()?.variables.variables().into_iter().collect()))?;
        parameters.sort_by(|(one, _), (other, _)| one.cmp(other));
        named(py, parameters)
    }

    /// Predict the tokens at masked positions, [B, P, V].
    ///
    /// Args:
    ///     sequence: The generator's sequence output [B, S, H].
    ///     positions: int64 [B, P].
    ///     table: The generator's word embeddings [V, E].
    fn lm_outputs<'py>(
        &self,
        py: Python<'py>,
        sequence: &Bound<'py, PyAny>,
        positions: &Bound<'py, PyAny>,
        table: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (sequence, positions) = (tensor("sequence", sequence)?, tensor("positions", positions)?);
        let table = tensor("table", table)?;
        self.run(py, move |heads| heads.lm_outputs(&sequence, &positions, &table))
    }

    /// Classify the first token of the generator's sequence output [B, S, H]; returns [B, C].
    fn sentence_outputs<'py>(&self, py: Python<'py>, sequence: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let sequence = tensor("sequence", sequence)?;
        self.run(py, move |heads| heads.sentence_outputs(&sequence))
    }

    /// Return logits [B, S] of the discriminator's sequence output [B, S, H]; above 0 if a token looks replaced.
    fn disc_logits<'py>(&self, py: Python<'py>, sequence: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let sequence = tensor("sequence", sequence)?;
        self.run(py, move |heads| heads.disc_logits(&sequence))
    }

    /// Return the ids that the discriminator sees and 1 for each id that differs from the original, both [B, S].
    ///
    /// Args:
    ///     input_word_ids: Masked ids, int64 [B, S].
    ///     masked_lm_positions: int64 [B, P].
    ///     masked_lm_ids: The original ids at these positions, int64 [B, P].
    ///     lm_outputs: The outputs of `lm_outputs`, [B, P, V].
    ///     uniforms: Uniform random numbers in [0, 1), [B, P, V].
    fn replace<'py>(
        &self,
        py: Python<'py>,
        input_word_ids: &Bound<'py, PyAny>,
        masked_lm_positions: &Bound<'py, PyAny>,
        masked_lm_ids: &Bound<'py, PyAny>,
        lm_outputs: &Bound<'py, PyAny>,
        uniforms: &Bound<'py, PyAny>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let ids = tensor("input_word_ids", input_word_ids)?;
        let positions = tensor("masked_lm_positions", masked_lm_positions)?;
        let originals = tensor("masked_lm_ids", masked_lm_ids)?;
        let (outputs, uniforms) = (tensor("lm_outputs", lm_outputs)?, tensor("uniforms", uniforms)?);
        let (replaced, labels) = enter(py, move || {
            let inputs = PretrainerInputs {
                input_word_ids: &ids,
                input_mask: &ids,
                input_type_ids: &ids,
                masked_lm_positions: &positions,
                masked_lm_ids: &originals,
            };
            self.inner.lock()?.heads.replace(&inputs, &outputs, &uniforms)
        })?;
        Ok((to_torch(py, &replaced)?, to_torch(py, &labels)?))
    }
}
