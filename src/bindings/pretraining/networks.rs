//! `oxbert.PretrainingNetworks`.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use tch::Tensor;

use crate::bindings::config::{PyConfig, expect_config};
use crate::bindings::door::{
    Guarded, argument_readers, device, device_name, enter, integer, raise, real, tensor, to_torch,
};
use crate::bindings::models::arguments::{Values, integers, rows, seed, three};
use crate::bindings::models::parameters::named;
use crate::config::ElectraConfig;
use crate::error::Error;
use crate::pretraining::{
    GeneratorConfig, Masking, Networks, Objective, Random, Sharing, SpecialIds, Step, StepOutput, Totals, Weights,
};

argument_readers! {
    special_ids: [i64; 3] = |what, value| three(what, value, 0..=i64::MAX);
    max_predictions: usize = |what, value| integer(what, value, 0..=usize::MAX);
    mask_probability: f64 = real;
    masked_share: f64 = real;
    masked_lm_weight: f64 = real;
    replaced_weight: f64 = real;
    temperature: f64 = real;
    step: u64 = |what, value| integer(what, value, 0..=u64::MAX);
    first_segments: Option<Vec<usize>> = |what, value: &Bound<'_, PyAny>| {
        if value.is_none() { Ok(None) } else { integers(what, value, 0..=usize::MAX).map(Some) }
    };
    examples: Option<Vec<u64>> = |what, value: &Bound<'_, PyAny>| {
        if value.is_none() { Ok(None) } else { integers(what, value, 0..=u64::MAX).map(Some) }
    };
    totals: Option<[usize; 3]> = |what, value: &Bound<'_, PyAny>| {
        if value.is_none() { Ok(None) } else { three(what, value, 0..=usize::MAX).map(Some) }
    };
}

/// Read the seed of a run.
fn stream_seed(value: &Bound<'_, PyAny>) -> PyResult<u64> {
    integer("seed", value, 0..=u64::MAX)
}

/// Train a generator and a discriminator together: both networks and their objective.
///
/// Rows are packed, never padded, and only chosen tokens reach the projection to the vocabulary. All randomness of an
/// example is a function of the seed, the step and the number of the example, so an interrupted run resumes exactly,
/// and several processes draw what one process would have drawn.
///
/// Args:
///     generator: The configuration of the masked LM; None draws replacements uniformly from all words.
///     discriminator: The configuration of the discriminator; None trains a masked LM alone.
///     special_ids: The ids of `[CLS]`, `[SEP]` and `[MASK]`. The first two are never chosen.
///     max_predictions: The largest number of tokens chosen per row; the original has 19 for rows of 128.
///     mask_probability: The share of the tokens of a row that is chosen.
///     masked_share: The share of chosen tokens that becomes `[MASK]`; the others stay.
///     with_replacement: Choose as the original does, which chooses some tokens twice.
///     sharing: `embeddings` ties all embeddings and their norm, as the paper does; `nothing` ties nothing;
///         `everything` makes both one network with two heads.
///     masked_lm_weight: The weight of the generator's loss.
///     replaced_weight: The weight of the discriminator's loss.
///     temperature: The divisor of the generator's logits before tokens are drawn.
///     disallow_correct: Never draw the original token.
///     electric: Use the objective of Electric: the generator is two towers of its configuration, one that reads from
///         the left and one from the right, and learns to predict every token; the discriminator's logit is the energy
///         of a token, to which the generator's log-probability is added. The original's log-probabilities of `[CLS]`
///         and `[SEP]` depend on its padding; here the towers wrap around in a row, as they do there without padding.
///     seed: The seed of the fresh parameters, as for a model.
///     device: The device of the parameters; None means `cpu`.
///
/// Raises:
///     ConfigError: if a configuration contradicts itself, or the two networks cannot be tied as `sharing` says.
///     InputError: if a share, a number or a name is out of range, or there is no network at all.
///     DeviceError: if this machine has no such device.
///
/// Example:
///     >>> sizes = {"vocab_size": 20, "embedding_size": 4, "num_hidden_layers": 1}
///     >>> generator = oxbert.ElectraConfig(hidden_size=4, num_attention_heads=1, intermediate_size=8, **sizes)
///     >>> discriminator = oxbert.ElectraConfig(hidden_size=8, num_attention_heads=2, intermediate_size=16, **sizes)
///     >>> networks = oxbert.PretrainingNetworks(
///     ...     generator, discriminator, special_ids=(2, 3, 4), max_predictions=3, seed=0
///     ... )
///     >>> output = networks.step([[2, 7, 8, 9, 3], [2, 10, 3]], seed=0, step=0)
///     >>> output.loss.backward()
///     >>> output.totals
///     (2, 8, 4)
#[pyclass(name = "PretrainingNetworks", module = "oxbert", frozen, weakref)]
pub(crate) struct PyPretrainingNetworks {
    networks: Guarded<Networks>,
    objective: Objective,
}

#[pymethods]
impl PyPretrainingNetworks {
    #[new]
    #[pyo3(signature = (
        generator,
        discriminator,
        *,
        special_ids,
        max_predictions,
        mask_probability = 0.15,
        masked_share = 0.85,
        with_replacement = false,
        sharing = "embeddings",
        masked_lm_weight = 1.0,
        replaced_weight = 50.0,
        temperature = 1.0,
        disallow_correct = false,
        electric = false,
        seed = None,
        device = None,
    ))]
    #[expect(clippy::too_many_arguments, reason = "the parts of the objective")]
    fn new(
        py: Python<'_>,
        generator: Option<&Bound<'_, PyAny>>,
        discriminator: Option<&Bound<'_, PyAny>>,
        #[pyo3(from_py_with = special_ids)] special_ids: [i64; 3],
        #[pyo3(from_py_with = max_predictions)] max_predictions: usize,
        #[pyo3(from_py_with = mask_probability)] mask_probability: f64,
        #[pyo3(from_py_with = masked_share)] masked_share: f64,
        with_replacement: bool,
        sharing: &str,
        #[pyo3(from_py_with = masked_lm_weight)] masked_lm_weight: f64,
        #[pyo3(from_py_with = replaced_weight)] replaced_weight: f64,
        #[pyo3(from_py_with = temperature)] temperature: f64,
        disallow_correct: bool,
        electric: bool,
        #[pyo3(from_py_with = seed)] seed: Option<i64>,
        device: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let sharing = match sharing {
            "embeddings" => Sharing::Embeddings,
            "nothing" => Sharing::Nothing,
            "everything" => Sharing::Everything,
            other => {
                let reason = format!("expected \"embeddings\", \"nothing\" or \"everything\", got {other:?}");
                return Err(raise(py, Error::input("sharing", reason)));
            }
        };
        let [class, separator, mask] = special_ids;
        let masking = Masking {
            share: mask_probability,
            maximum: max_predictions,
            replaced: masked_share,
            with_replacement,
            special: SpecialIds { class, separator, mask },
        };
        let weights = Weights { masked_lm: masked_lm_weight, replaced: replaced_weight };
        let objective = Objective { masking, weights, temperature, disallow_correct };
        let given = |config: Option<&Bound<'_, PyAny>>| -> PyResult<Option<ElectraConfig>> {
            let Some(config) = config else { return Ok(None) };
            let config: &Bound<'_, PyConfig> = expect_config(config)?;
            config.get().get().try_into().map(Some).map_err(|error| raise(py, error))
        };
        let (generator, discriminator) = (given(generator)?, given(discriminator)?);
        let cpu = PyString::new(py, "cpu").into_any();
        let device = self::device(py, device.unwrap_or(&cpu))?;
        let networks = enter(py, move || {
            let kind = if electric { GeneratorConfig::TwoTowers } else { GeneratorConfig::MaskedLM };
            if electric && generator.is_none() {
                return Err(Error::input("electric", "expected the configuration of a generator, got none"));
            }
            let networks = Networks::new(generator.as_ref().map(kind), discriminator.as_ref(), sharing, seed, device)?;
            objective.check(&networks)?;
            Ok(networks)
        })?;
        Ok(Self { networks: Guarded::new(networks), objective })
    }

    /// Return the names and the parameters themselves. Imports torch.
    ///
    /// Names begin with `generator.` or `discriminator.` and continue as in a checkpoint of the network alone. Two
    /// towers have the prefixes `generator_ltr.`, `generator_rtl.` and `cloze_predictions.`, as in the original. Tied
    /// parameters are listed once, under the discriminator's name.
    fn named_parameters<'py>(&self, py: Python<'py>) -> PyResult<Vec<(String, Bound<'py, PyAny>)>> {
        named(py, enter(py, || Ok(self.networks.lock()?.parameters()))?)
    }

    /// Return the device of the parameters: `cpu` or `cuda:N`.
    #[getter]
    fn device(&self, py: Python<'_>) -> PyResult<String> {
        Ok(device_name(enter(py, || Ok(self.networks.lock()?.device()))?))
    }

    /// Count the tokens over which the losses of a step are means.
    ///
    /// Return the number of chosen tokens, of all tokens, and of tokens that might have been chosen.
    ///
    /// Args:
    ///     rows: Ids, without padding.
    fn totals(&self, rows: &Bound<'_, PyAny>) -> PyResult<(usize, usize, usize)> {
        Ok(in_order(self.objective.totals(&ragged(rows)?)))
    }

    /// Compute the losses of one step, with their graph. Imports torch.
    ///
    /// Args:
    ///     rows: Ids, B rows without padding, with `[CLS]` and `[SEP]` where they belong.
    ///     first_segments: The number of tokens of each row that belong to its first text; the others have type 1. None
    ///         means all.
    ///     seed: The seed of the run, at least 0.
    ///     step: The number of the update, counted from 0.
    ///     examples: The number of each row in the batch of all processes; None means 0, 1, 2, ...
    ///     totals: For a part of a batch, the result of `totals` for all rows of the batch, so that the losses of the
    ///         parts add up to the loss of the whole. None means that these rows are the whole batch.
    ///     train: Whether to apply dropout.
    ///     discriminate: Whether to run the discriminator.
    ///     gumbel: Uniform random numbers [N, V] for the original's way to draw tokens; None draws with one number per
    ///         token, from the same distribution.
    ///
    /// Raises:
    ///     IdRangeError: if an id is not in the vocabulary.
    ///     TooLongError: if a row has more tokens than there are positions.
    ///     ShapeError: if the shapes of arguments do not fit each other.
    ///     InputError: if no token can be chosen, no network takes part, or `totals` are below the totals of these
    ///         rows.
    ///
    /// Source:
    ///     `run_pretraining.py` and `pretrain/pretrain_helpers.py` of google-research/electra.
    #[pyo3(signature = (
        rows, first_segments = None, *, seed, step, examples = None, totals = None, train = true, discriminate = true,
        gumbel = None
    ))]
    #[expect(clippy::too_many_arguments, reason = "the parts of a step")]
    fn step<'py>(
        &self,
        py: Python<'py>,
        rows: &Bound<'py, PyAny>,
        #[pyo3(from_py_with = first_segments)] first_segments: Option<Vec<usize>>,
        #[pyo3(from_py_with = stream_seed)] seed: u64,
        #[pyo3(from_py_with = step)] step: u64,
        #[pyo3(from_py_with = examples)] examples: Option<Vec<u64>>,
        #[pyo3(from_py_with = totals)] totals: Option<[usize; 3]>,
        train: bool,
        discriminate: bool,
        gumbel: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let rows = ragged(rows)?;
        let first_segments = first_segments.unwrap_or_else(|| rows.iter().map(Vec::len).collect());
        let examples = examples.unwrap_or_else(|| (0..rows.len() as u64).collect());
        let gumbel = gumbel.map(|noise| tensor("gumbel", noise)).transpose()?;
        let totals = totals.map(|[chosen, tokens, candidates]| Totals { chosen, tokens, candidates });
        let output = enter(py, move || {
            let random: Vec<Random> = examples.into_iter().map(|example| Random { seed, step, example }).collect();
            let step = Step {
                rows: &rows,
                first_segments: &first_segments,
                random: &random,
                totals,
                train,
                discriminate,
                gumbel: gumbel.as_ref(),
            };
            self.objective.step(&*self.networks.lock()?, &step)
        })?;
        into_python(py, output)
    }
}

/// Return totals in the order of `PretrainingNetworks.totals`.
fn in_order(totals: Totals) -> (usize, usize, usize) {
    (totals.chosen, totals.tokens, totals.candidates)
}

/// Read rows of ids without padding.
fn ragged(object: &Bound<'_, PyAny>) -> PyResult<Vec<Vec<i64>>> {
    let (rows, _) = rows("rows", object, Values::Integers)?;
    Ok((0..rows.count()).map(|row| rows.row(row).to_vec()).collect())
}

fn into_python(py: Python<'_>, output: StepOutput) -> PyResult<Bound<'_, PyAny>> {
    let fields = PyDict::new(py);
    let put = |name: &str, tensor: Option<&Tensor>| -> PyResult<()> {
        match tensor {
            Some(tensor) => fields.set_item(name, to_torch(py, tensor)?),
            None => Ok(()),
        }
    };
    put("loss", Some(&output.loss))?;
    put("masked_lm_loss", output.masked_lm_loss.as_ref())?;
    put("cloze_loss", output.cloze_loss.as_ref())?;
    put("replaced_loss", output.replaced_loss.as_ref())?;
    put("predictions", output.predictions.as_ref())?;
    put("logits", output.logits.as_ref())?;
    fields.set_item("totals", in_order(output.totals))?;
    fields.set_item("masked_ids", output.masked.iter().map(|row| row.ids.clone()).collect::<Vec<_>>())?;
    fields.set_item("positions", output.masked.iter().map(|row| row.positions.clone()).collect::<Vec<_>>())?;
    fields.set_item("originals", output.masked.iter().map(|row| row.originals.clone()).collect::<Vec<_>>())?;
    if output.logits.is_some() {
        fields.set_item("samples", &output.samples)?;
        let (ids, replaced): (Vec<_>, Vec<_>) = output.corrupted.into_iter().unzip();
        fields.set_item("corrupted_ids", ids)?;
        fields.set_item("replaced", replaced)?;
    }
    py.import("oxbert.outputs")?.getattr("PretrainingOutput")?.call((), Some(&fields))
}
