//! ELECTRA's pre-training objective: rows of ids -> masked rows -> the generator's samples -> replaced tokens ->
//! losses.
//!
//! ```text
//! rows ──> masking ──> generator ──> sampling ──> discriminator ──> losses
//!            │             └──────────── masked-LM loss ────────────^
//!            └─ random: numbers that depend on (seed, step, example) alone
//! ```
//!
//! Rows are packed, not padded, as for any model; only masked tokens reach the projection to the vocabulary, and losses
//! are sums over real tokens. Electric's generator ([`TwoTowers`]) reads unmasked rows and predicts every token. All
//! random numbers of an example are a function of the seed, the step and the example's number in the batch. So an
//! interrupted run resumes exactly, and several processes draw the same numbers as one.
//!
//! Source: Clark et al. 2020, sections 2 and 3; `run_pretraining.py` and `pretrain/pretrain_helpers.py` of
//! google-research/electra.

mod masking;
mod model_garden;
mod networks;
mod objective;
mod random;
mod sampling;
mod towers;

pub use masking::{Masked, Masking, SpecialIds};
pub use model_garden::{ElectraPretrainer, PretrainerConfig, PretrainerInputs, PretrainerOutput, Sequence};
pub use networks::{Generator, GeneratorConfig, Networks, Sharing};
pub use objective::{Objective, Step, StepOutput, Totals, Weights};
pub use random::Random;
pub use sampling::{Sampling, sample};
pub use towers::TwoTowers;
