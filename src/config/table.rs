//! One table a family: the fields of its configuration, their defaults, and how each is read from `config.json`.

/// Define the struct of a family's configuration with its [`Default`] and [`Config`](super::Config).
///
/// A row is `name: type = default, reader;` where the reader is a method of `Fields`. What both families have stands
/// here once. The struct has `encoder` and `check` of its own.
macro_rules! configuration {
    (
        $(#[$about:meta])*
        $name:ident, model_type $model_type:expr, aliases $aliases:expr, {
            $($(#[$doc:meta])* $field:ident: $type:ty = $default:expr, $reader:ident;)*
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq)]
        #[allow(clippy::struct_excessive_bools, reason = "they are the keys of config.json")]
        pub struct $name {
            $($(#[$doc])* pub $field: $type,)*
            /// V, entries of the vocabulary.
            pub vocab_size: i64,
            /// The longest text, in tokens.
            pub max_position_embeddings: i64,
            /// Standard deviation of freshly initialised weights.
            pub initializer_range: f64,
            /// The id of `[PAD]`, whose embedding is not trained.
            pub pad_token_id: Option<i64>,
            /// Whether the masked-LM decoder is the word embeddings (true unless a checkpoint says otherwise).
            pub tie_word_embeddings: bool,
            /// Whether `forward_t` returns the hidden states of all layers.
            pub output_hidden_states: bool,
            /// Whether `forward_t` returns the attention probabilities of all layers.
            pub output_attentions: bool,
            /// The kind of a text classifier's labels; None means that the labels of each call decide.
            pub problem_type: Option<crate::config::ProblemType>,
            /// The labels of a classifier.
            pub labels: crate::config::Labels,
            /// Unknown keys, which are written back as they were read.
            pub extra: serde_json::Map<String, serde_json::Value>,
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    $($field: $default,)*
                    vocab_size: 30_522,
                    max_position_embeddings: 512,
                    initializer_range: 0.02,
                    pad_token_id: Some(0),
                    tie_word_embeddings: true,
                    output_hidden_states: false,
                    output_attentions: false,
                    problem_type: None,
                    labels: crate::config::Labels::default(),
                    extra: serde_json::Map::new(),
                }
            }
        }

        /// The keys of `config.json`, unknown ones included.
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                crate::config::Config::to_map(self).serialize(serializer)
            }
        }

        /// The keys of `config.json`, checked as [`Config::from_map`](crate::config::Config::from_map) does.
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let values = serde_json::Map::deserialize(deserializer)?;
                crate::config::Config::from_map(values).map_err(serde::de::Error::custom)
            }
        }

        impl crate::config::Config for $name {
            const MODEL_TYPE: &'static str = $model_type;
            const ALIASES: &'static [(&'static str, &'static str)] = $aliases;
            const FIELDS: &'static [&'static str] = &[$(stringify!($field)),*];

            fn from_map(values: serde_json::Map<String, serde_json::Value>) -> crate::Result<Self> {
                let default = Self::default();
                let mut fields = crate::config::fields::Fields::new(values, Self::ALIASES);
                fields.model_type(Self::MODEL_TYPE)?;
                let config = Self {
                    $($field: fields.$reader(stringify!($field), default.$field)?,)*
                    vocab_size: fields.size("vocab_size", default.vocab_size)?,
                    max_position_embeddings: fields.size("max_position_embeddings", default.max_position_embeddings)?,
                    initializer_range: fields.non_negative("initializer_range", default.initializer_range)?,
                    pad_token_id: fields.optional_id("pad_token_id", default.pad_token_id)?,
                    tie_word_embeddings: fields.flag("tie_word_embeddings", default.tie_word_embeddings)?,
                    output_hidden_states: fields.flag("output_hidden_states", default.output_hidden_states)?,
                    output_attentions: fields.flag("output_attentions", default.output_attentions)?,
                    problem_type: fields.problem_type("problem_type")?,
                    labels: crate::config::Labels::read(&mut fields)?,
                    extra: fields.rest(),
                };
                config.check()?;
                crate::config::check_problem(config.problem_type, &config.labels)?;
                Ok(config)
            }

            fn to_map(&self) -> serde_json::Map<String, serde_json::Value> {
                let mut values = serde_json::Map::new();
                let mut put = |key: &str, value: serde_json::Value| values.insert(key.to_string(), value);
                put("model_type", Self::MODEL_TYPE.into());
                $(put(stringify!($field), crate::config::fields::ToJson::to_json(&self.$field));)*
                put("vocab_size", self.vocab_size.into());
                put("max_position_embeddings", self.max_position_embeddings.into());
                put("initializer_range", self.initializer_range.into());
                put("pad_token_id", self.pad_token_id.into());
                put("tie_word_embeddings", self.tie_word_embeddings.into());
                put("output_hidden_states", self.output_hidden_states.into());
                put("output_attentions", self.output_attentions.into());
                if let Some(problem_type) = self.problem_type {
                    put("problem_type", problem_type.name().into());
                }
                self.labels.write(&mut values);
                values.extend(self.extra.clone());
                values
            }

            fn value(&self, name: &str) -> Option<serde_json::Value> {
                match name {
                    "model_type" => Some(Self::MODEL_TYPE.into()),
                    $(stringify!($field) => Some(crate::config::fields::ToJson::to_json(&self.$field)),)*
                    "vocab_size" => Some(self.vocab_size.into()),
                    "max_position_embeddings" => Some(self.max_position_embeddings.into()),
                    "initializer_range" => Some(self.initializer_range.into()),
                    "pad_token_id" => Some(self.pad_token_id.into()),
                    "tie_word_embeddings" => Some(self.tie_word_embeddings.into()),
                    "output_hidden_states" => Some(self.output_hidden_states.into()),
                    "output_attentions" => Some(self.output_attentions.into()),
                    "problem_type" => self.problem_type.map(|problem_type| problem_type.name().into()),
                    "id2label" | "label2id" => {
                        let mut values = serde_json::Map::new();
                        self.labels.write(&mut values);
                        values.remove(name)
                    }
                    _ => self.extra.get(name).cloned(),
                }
            }

            fn encoder(&self) -> crate::config::EncoderConfig {
                Self::encoder(self)
            }

            fn check(&self) -> crate::Result<()> {
                Self::check(self)
            }

            fn shared(&self) -> crate::config::Shared<'_> {
                crate::config::Shared {
                    initializer_range: self.initializer_range,
                    tie_word_embeddings: self.tie_word_embeddings,
                    output_hidden_states: self.output_hidden_states,
                    output_attentions: self.output_attentions,
                    problem_type: self.problem_type,
                    labels: &self.labels,
                }
            }

            fn untie(&mut self) {
                self.tie_word_embeddings = false;
            }

            fn set_vocab_size(&mut self, vocab_size: i64) {
                self.vocab_size = vocab_size;
            }

            fn set_positions(&mut self, positions: i64) {
                self.max_position_embeddings = positions;
            }

            fn extra_mut(&mut self) -> &mut serde_json::Map<String, serde_json::Value> {
                &mut self.extra
            }
        }
    };
}
pub(super) use configuration;
