//! The two networks that are trained together, and what they share.

use tch::nn::VarStore;
use tch::{Device, Tensor};

use crate::config::{Config, ElectraConfig};
use crate::electra::{ElectraDiscriminator, ElectraForMaskedLM};
use crate::error::{Error, Result};
use crate::inputs::Limits;
use crate::models::Model;
use crate::nn::Parameters;

use super::towers::TwoTowers;

/// What the generator has in common with the discriminator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sharing {
    /// Word, position and type embeddings and their norm, as in the paper: each projects them to a width of its own.
    #[default]
    Embeddings,
    /// Nothing (`untied_generator_embeddings`).
    Nothing,
    /// Everything but the heads: they are one network.
    Everything,
}

/// Which generator is to be made, and of which sizes.
#[derive(Debug, Clone, Copy)]
pub enum GeneratorConfig<'a> {
    /// ELECTRA's: a masked LM.
    MaskedLM(&'a ElectraConfig),
    /// Electric's: two towers, each of these sizes.
    TwoTowers(&'a ElectraConfig),
}

impl<'a> GeneratorConfig<'a> {
    fn sizes(self) -> &'a ElectraConfig {
        match self {
            Self::MaskedLM(config) | Self::TwoTowers(config) => config,
        }
    }
}

/// What fills masks.
#[derive(Debug)]
pub enum Generator {
    /// ELECTRA's: a masked LM.
    MaskedLM(Box<ElectraForMaskedLM>),
    /// Electric's: two towers.
    TwoTowers(Box<TwoTowers>),
}

impl Generator {
    /// What it can take.
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
/// Parameters are named `generator.` and `discriminator.`, then as in a checkpoint of the network alone; those of two towers
/// `generator_ltr.`, `generator_rtl.` and `cloze_predictions.`, as in the original. What is shared is there once, under the
/// discriminator's name.
#[derive(Debug)]
pub struct Networks {
    generator: Option<Generator>,
    discriminator: Option<ElectraDiscriminator>,
    variables: VarStore,
    names: Vec<String>,
}

impl Networks {
    /// Freshly initialised, as transformers initialises them. A seed is given to libtorch's one random generator.
    ///
    /// Without a generator replacements are drawn from all words alike, without a discriminator a masked LM is trained
    /// alone.
    ///
    /// # Errors
    /// [`Error::Config`] where a configuration contradicts itself, or the two do not fit what they are to share;
    /// [`Error::Input`] without any network, and for two towers without a discriminator or sharing everything with it;
    /// [`Error::Torch`] where there is no memory.
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
            let reason = "expected a discriminator beside two towers, which share embeddings with it or nothing";
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

    /// What fills masks; none where replacements are drawn from all words alike.
    #[must_use]
    pub fn generator(&self) -> Option<&Generator> {
        self.generator.as_ref()
    }

    /// None where only a masked LM is trained.
    #[must_use]
    pub fn discriminator(&self) -> Option<&ElectraDiscriminator> {
        self.discriminator.as_ref()
    }

    /// All parameters by name, the parameters themselves, in the order in which they were made.
    #[must_use]
    pub fn parameters(&self) -> Vec<(String, Tensor)> {
        let mut parameters = self.variables.variables();
        self.names.iter().filter_map(|name| Some((name.clone(), parameters.remove(name)?))).collect()
    }

    /// Their variable store, for an optimizer of tch.
    #[must_use]
    pub fn variables(&self) -> &VarStore {
        &self.variables
    }

    /// V, which is the same for both.
    #[must_use]
    pub fn vocab_size(&self) -> i64 {
        let discriminator = self.discriminator.as_ref().map(Model::limits);
        discriminator.or_else(|| self.generator.as_ref().map(Generator::limits)).map_or(0, |limits| limits.vocab_size)
    }

    /// Where they are.
    #[must_use]
    pub fn device(&self) -> Device {
        self.parameters().first().map_or(Device::Cpu, |(_, parameter)| parameter.device())
    }
}

/// Refuses configurations of networks that could not share what they should.
fn check_shared(generator: &ElectraConfig, discriminator: &ElectraConfig, sharing: Sharing) -> Result<()> {
    let differ = |field: &str, one: i64, other: i64| {
        let reason = format!("the generator has {one} and the discriminator {other}, expected the same of both");
        if one == other { Ok(()) } else { Err(Error::config(field, reason)) }
    };
    // Tokens of one are given to the other, whatever they share.
    differ("vocab_size", generator.vocab_size, discriminator.vocab_size)?;
    differ("max_position_embeddings", generator.max_position_embeddings, discriminator.max_position_embeddings)?;
    differ("type_vocab_size", generator.type_vocab_size, discriminator.type_vocab_size)?;
    if sharing != Sharing::Nothing {
        differ("embedding_size", generator.embedding_size, discriminator.embedding_size)?;
    }
    if sharing == Sharing::Everything
        && let Some(reason) = generator.encoder().difference(&discriminator.encoder())
    {
        return Err(Error::config(
            "the generator's configuration",
            format!("they are to be one network, but {reason}"),
        ));
    }
    Ok(())
}
