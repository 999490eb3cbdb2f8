//! The generator and the discriminator that are trained together, and the parameters that they share.

use tch::nn::VarStore;
use tch::{Device, Tensor};

use crate::config::{Config, Difference, ElectraConfig, difference};
use crate::electra::{ElectraDiscriminator, ElectraForMaskedLM};
use crate::error::{Error, Result};
use crate::inputs::Limits;
use crate::models::Model;
use crate::nn::Parameters;

use super::towers::TwoTowers;

/// The parameters that the generator shares with the discriminator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sharing {
    /// Word, position and type embeddings and their norm, as in the paper; each network projects them to its own width.
    #[default]
    Embeddings,
    /// Nothing (`untied_generator_embeddings`).
    Nothing,
    /// All parameters but those of the heads: one network with two heads.
    Everything,
}

/// The kind and the sizes of a generator to build.
#[derive(Debug, Clone, Copy)]
pub enum GeneratorConfig<'a> {
    /// ELECTRA's generator: a masked LM.
    MaskedLM(&'a ElectraConfig),
    /// Electric's generator: two towers, each of these sizes.
    TwoTowers(&'a ElectraConfig),
}

impl<'a> GeneratorConfig<'a> {
    fn sizes(self) -> &'a ElectraConfig {
        match self {
            Self::MaskedLM(config) | Self::TwoTowers(config) => config,
        }
    }
}

/// The network that proposes tokens.
#[derive(Debug)]
pub enum Generator {
    /// ELECTRA's generator: a masked LM.
    MaskedLM(Box<ElectraForMaskedLM>),
    /// Electric's generator: two towers.
    TwoTowers(Box<TwoTowers>),
}

impl Generator {
    /// Return the limits of its inputs.
    #[must_use]
    pub fn limits(&self) -> Limits {
        match self {
            Self::MaskedLM(model) => model.limits(),
            Self::TwoTowers(model) => model.limits(),
        }
    }
}

/// A generator, a discriminator or both, in one variable store.
///
/// Names of parameters begin with `generator.` or `discriminator.` and continue as in a checkpoint of that network
/// alone. Those of two towers begin with `generator_ltr.`, `generator_rtl.` or `cloze_predictions.`, as in the
/// original. A shared parameter exists once, under the discriminator's name.
#[derive(Debug)]
pub struct Networks {
    generator: Option<Generator>,
    discriminator: Option<ElectraDiscriminator>,
    variables: VarStore,
    names: Vec<String>,
}

impl Networks {
    /// Build and initialise the networks as transformers does. A seed is passed to libtorch's global random generator.
    ///
    /// Without a generator, replacements are drawn uniformly from the vocabulary; without a discriminator, a masked LM
    /// is trained alone.
    ///
    /// # Errors
    /// [`Error::Config`] if a configuration contradicts itself, or if the two do not fit what they share;
    /// [`Error::Input`] if there is no network, or if two towers have no discriminator or share everything with it;
    /// [`Error::Torch`] if there is not enough memory.
    pub fn new(
        generator: Option<GeneratorConfig>,
        discriminator: Option<&ElectraConfig>,
        sharing: Sharing,
        seed: Option<i64>,
        device: Device,
    ) -> Result<Self> {
        let Some(any) = discriminator.or(generator.map(GeneratorConfig::sizes)) else {
            return Err(Error::input("networks", "expected a generator, a discriminator or both, got none"));
        };
        if matches!(generator, Some(GeneratorConfig::TwoTowers(_)))
            && (discriminator.is_none() || sharing == Sharing::Everything)
        {
            let reason = "expected a discriminator, with which two towers share embeddings or nothing";
            return Err(Error::input("electric", reason));
        }
        if let (Some(generator), Some(discriminator)) = (generator, discriminator) {
            check_shared(generator.sizes(), discriminator, sharing)?;
        }
        if let Some(seed) = seed {
            tch::manual_seed(seed);
        }
        let variables = VarStore::new(device);
        let root = Parameters::random(&variables.root(), any.initial());
        let at = root.at("discriminator");
        let built = discriminator.map(|config| ElectraDiscriminator::build(&at, config)).transpose()?;
        let embeddings = at.at("electra.embeddings");
        let generate = |config: GeneratorConfig| -> Result<Generator> {
            let own = root.initialised(config.sizes().initial());
            Ok(match config {
                GeneratorConfig::TwoTowers(sizes) => {
                    let shared = (sharing == Sharing::Embeddings).then_some(&embeddings);
                    Generator::TwoTowers(Box::new(TwoTowers::new(&own, shared, sizes)?))
                }
                GeneratorConfig::MaskedLM(sizes) => {
                    let own = own.at("generator");
                    let own = match (discriminator, sharing) {
                        (Some(_), Sharing::Embeddings) => own.sharing("electra.embeddings", &embeddings),
                        (Some(_), Sharing::Everything) => own.sharing("electra", &at.at("electra")),
                        _ => own,
                    };
                    Generator::MaskedLM(Box::new(ElectraForMaskedLM::build(&own, sizes)?))
                }
            })
        };
        let generator = generator.map(generate).transpose()?;
        let names = root.names();
        Ok(Self { generator, discriminator: built, variables, names })
    }

    /// Return the generator; None if replacements are drawn uniformly from the vocabulary.
    #[must_use]
    pub fn generator(&self) -> Option<&Generator> {
        self.generator.as_ref()
    }

    /// Return the discriminator; None if only a masked LM is trained.
    #[must_use]
    pub fn discriminator(&self) -> Option<&ElectraDiscriminator> {
        self.discriminator.as_ref()
    }

    /// Return all parameters by name, in the order in which they were built. They are the parameters themselves, not
    /// copies.
    #[must_use]
    pub fn parameters(&self) -> Vec<(String, Tensor)> {
        let mut parameters = self.variables.variables();
        self.names.iter().filter_map(|name| Some((name.clone(), parameters.remove(name)?))).collect()
    }

    /// Return the variable store, for an optimizer of tch.
    #[must_use]
    pub fn variables(&self) -> &VarStore {
        &self.variables
    }

    /// Return V, which both networks have in common.
    #[must_use]
    pub fn vocab_size(&self) -> i64 {
        let discriminator = self.discriminator.as_ref().map(Model::limits);
        discriminator.or_else(|| self.generator.as_ref().map(Generator::limits)).map_or(0, |limits| limits.vocab_size)
    }

    /// Return the device of the parameters.
    #[must_use]
    pub fn device(&self) -> Device {
        self.parameters().first().map_or(Device::Cpu, |(_, parameter)| parameter.device())
    }
}

/// Check that the configurations of the networks fit what they share.
fn check_shared(generator: &ElectraConfig, discriminator: &ElectraConfig, sharing: Sharing) -> Result<()> {
    let differ = |field: &str, one: i64, other: i64| {
        let reason = format!("the generator has {one} and the discriminator {other}, expected equal values");
        if one == other { Ok(()) } else { Err(Error::config(field, reason)) }
    };
    // One network reads the tokens of the other, even if nothing is shared.
    differ("vocab_size", generator.vocab_size, discriminator.vocab_size)?;
    differ("max_position_embeddings", generator.max_position_embeddings, discriminator.max_position_embeddings)?;
    differ("type_vocab_size", generator.type_vocab_size, discriminator.type_vocab_size)?;
    if sharing != Sharing::Nothing {
        differ("embedding_size", generator.embedding_size, discriminator.embedding_size)?;
    }
    if sharing == Sharing::Everything
        && let Some(Difference { field, one, other }) = difference(generator, discriminator)
    {
        let reason =
            format!("the generator has {one} and the discriminator {other}, expected the same for one network");
        return Err(Error::config(field, reason));
    }
    Ok(())
}
