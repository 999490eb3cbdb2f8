//! What the labels of a text classifier are: `problem_type`.

/// What the labels of a text classifier are, and with them its loss.
///
/// Source: `problem_type` of transformers 5.23.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemType {
    /// Numbers, one a label: mean squared error.
    Regression,
    /// One of L classes: cross entropy.
    SingleLabel,
    /// Any of L labels, each true or false: binary cross entropy.
    MultiLabel,
}

impl ProblemType {
    /// Every name that [`ProblemType::from_name`] understands.
    pub const NAMES: &'static [&'static str] =
        &["regression", "single_label_classification", "multi_label_classification"];

    /// The name in `config.json`.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The problem type of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Regression, Self::SingleLabel, Self::MultiLabel].into_iter().find(|known| known.name() == name)
    }
}
