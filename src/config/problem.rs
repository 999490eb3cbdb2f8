//! The kind of a text classifier's labels: `problem_type`.

/// The kind of a text classifier's labels, which decides its loss.
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

    /// Return the name in `config.json`.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Return the problem type of a name; None for an unknown name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Regression, Self::SingleLabel, Self::MultiLabel].into_iter().find(|known| known.name() == name)
    }
}
