//! The one table of dtype names: torch's and numpy's name of a dtype <-> libtorch's [`Kind`].

use std::borrow::Cow;

use tch::Kind;

/// Every dtype that a parameter, an input or a weight file can have.
const DTYPES: [(&str, Kind); 10] = [
    ("float32", Kind::Float),
    ("float64", Kind::Double),
    ("float16", Kind::Half),
    ("bfloat16", Kind::BFloat16),
    ("int64", Kind::Int64),
    ("int32", Kind::Int),
    ("int16", Kind::Int16),
    ("int8", Kind::Int8),
    ("uint8", Kind::Uint8),
    ("bool", Kind::Bool),
];

/// Return the kind of a dtype's name, e.g. `Kind::Half` for `float16`; None for a name that is not in the table.
pub(crate) fn kind_of(name: &str) -> Option<Kind> {
    DTYPES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
}

/// Return the dtype's name of a kind, e.g. `float16` for `Kind::Half`; None for a kind that is not in the table.
pub(crate) fn name_of(kind: Kind) -> Option<&'static str> {
    DTYPES.iter().find(|(_, known)| *known == kind).map(|(name, _)| *name)
}

/// Return the name of any kind, for an error message. A kind outside the table, such as a complex one, has libtorch's
/// name.
pub(crate) fn describe_kind(kind: Kind) -> Cow<'static, str> {
    name_of(kind).map_or_else(|| format!("{kind:?}").to_lowercase().into(), Cow::Borrowed)
}

/// Return whether a kind holds floating-point numbers, the only ones that can have gradients.
pub(crate) fn is_float(kind: Kind) -> bool {
    matches!(kind, Kind::Float | Kind::Double | Kind::Half | Kind::BFloat16)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn names_and_kinds_map_one_to_one() {
        for (name, kind) in DTYPES {
            assert_eq!(kind_of(name), Some(kind));
            assert_eq!(name_of(kind), Some(name));
            assert_eq!(is_float(kind), name.contains("float"));
        }
        assert_eq!((kind_of("float"), name_of(Kind::ComplexFloat)), (None, None));
        assert_eq!(describe_kind(Kind::ComplexFloat), "complexfloat");
    }
}
