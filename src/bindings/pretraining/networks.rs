//! `oxbert.PretrainingNetworks`.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use tch::Tensor;

use crate::bindings::config::{PyConfig, expect_config};
use crate::bindings::door::{Guarded, device, device_name, enter, raise, tensor, to_torch};
use crate::bindings::models::arguments::{Values, rows};
use crate::bindings::models::parameters::named;
use crate::config::ElectraConfig;
use crate::error::Error;
use crate::pretraining::{
    GeneratorConfig, Masking, Networks, Objective, Random, Sharing, SpecialIds, Step, StepOutput, Totals, Weights,
};

/// A generator and a discriminator that are trained together, and what they are trained towards.
///
/// What is shared is there once, under the discriminator's name. All randomness of an example is a function of the seed, the
/// step and the number of the example.
#[pyclass(name = "PretrainingNetworks", module = "oxbert", frozen)]
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
        special_ids: (i64, i64, i64),
        max_predictions: usize,
        mask_probability: f64,
        masked_share: f64,
        with_replacement: bool,
        sharing: &str,
        masked_lm_weight: f64,
        replaced_weight: f64,
        temperature: f64,
        disallow_correct: bool,
        electric: bool,
        seed: Option<i64>,
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
        let (class, separator, mask) = special_ids;
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

    /// Names and `torch.nn.Parameter`s, the parameters themselves: `generator.` and `discriminator.`, then as in a
    /// checkpoint of the network alone. Imports torch.
    fn named_parameters<'py>(&self, py: Python<'py>) -> PyResult<Vec<(String, Bound<'py, PyAny>)>> {
        named(py, enter(py, || Ok(self.networks.lock()?.parameters()))?)
    }

    /// Where the parameters are: `cpu` or `cuda:N`.
    #[getter]
    fn device(&self, py: Python<'_>) -> PyResult<String> {
        Ok(device_name(enter(py, || Ok(self.networks.lock()?.device()))?))
    }

    /// How many tokens of rows of ids are chosen, how many there are, and how many might have been chosen: what the losses of
    /// these rows are means over.
    fn totals(&self, rows: &Bound<'_, PyAny>) -> PyResult<(usize, usize, usize)> {
        Ok(in_order(self.objective.totals(&ragged(rows)?)))
    }

    /// Computes the losses of one step, with their graph.
    #[pyo3(signature = (
        rows, first_segments = None, *, seed, step, examples = None, totals = None, train = true, discriminate = true,
        gumbel = None
    ))]
    #[expect(clippy::too_many_arguments, reason = "the parts of a step")]
    fn step<'py>(
        &self,
        py: Python<'py>,
        rows: &Bound<'py, PyAny>,
        first_segments: Option<Vec<usize>>,
        seed: u64,
        step: u64,
        examples: Option<Vec<u64>>,
        totals: Option<(usize, usize, usize)>,
        train: bool,
        discriminate: bool,
        gumbel: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let rows = ragged(rows)?;
        let first_segments = first_segments.unwrap_or_else(|| rows.iter().map(Vec::len).collect());
        let examples = examples.unwrap_or_else(|| (0..rows.len() as u64).collect());
        let gumbel = gumbel.map(|noise| tensor("gumbel", noise)).transpose()?;
        let totals = totals.map(|(chosen, tokens, candidates)| Totals { chosen, tokens, candidates });
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

/// As Python has them.
fn in_order(totals: Totals) -> (usize, usize, usize) {
    (totals.chosen, totals.tokens, totals.candidates)
}

/// Rows of ids without padding.
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
