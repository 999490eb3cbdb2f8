//! Tests of the checks of a model's inputs: every error, and the accepted forms.

use oxbert::inputs::{Arguments, Inputs, Limits, Rows, Task, Tokens};
use oxbert::{Error, Result};
use tch::{Device, Kind, Tensor};

use crate::common::{matrix, ragged, waves};

/// Return the limits of a model with a head for this task.
pub const fn limits(task: Task) -> Limits {
    Limits {
        vocab_size: 61,
        max_position_embeddings: 19,
        type_vocab_size: 4,
        embedding_size: 12,
        device: Device::Cpu,
        kind: Kind::Float,
        task,
    }
}

fn new(arguments: Arguments) -> Result<Inputs> {
    Inputs::new(arguments, &limits(Task::Encoding))
}

fn from(ids: &Tensor, mask: Option<&Tensor>, types: Option<&Tensor>, positions: Option<&Tensor>) -> Result<Inputs> {
    new(Arguments::from_tensors(Some(ids), mask, types, positions, None)?)
}

fn embedded(embeddings: &Tensor) -> Result<Inputs> {
    new(Arguments::from_tensors(None, None, None, None, Some(embeddings))?)
}

fn ids() -> Tensor {
    matrix([[5, 6, 7], [8, 9, 10]])
}

#[track_caller]
pub fn assert_message(result: Result<Inputs>, expected: &str) {
    assert_eq!(result.unwrap_err().to_string(), expected);
}

#[test]
fn exactly_one_of_ids_and_embeddings_is_required() {
    let both = Arguments {
        inputs_embeds: Some(waves(&[2, 3, 12], 0.0)),
        ..Arguments::from_tensors(Some(&ids()), None, None, None, None).unwrap()
    };
    assert_message(new(both), "input_ids and inputs_embeds: expected exactly one of the two, got both");
    let neither = new(Arguments::default());
    assert!(matches!(neither, Err(Error::Input { .. })));
    assert_message(neither, "input_ids and inputs_embeds: expected exactly one of the two, got neither");
}

#[test]
fn empty_batches_and_rows_are_refused() {
    let none: [Vec<i64>; 0] = [];
    for (arguments, what) in [
        (Arguments { input_ids: ragged(&none), ..Arguments::default() }, "input_ids"),
        (Arguments { inputs_embeds: Some(waves(&[0, 3, 12], 0.0)), ..Arguments::default() }, "inputs_embeds"),
    ] {
        assert_message(new(arguments), &format!("{what}: expected at least one row, got none"));
    }
    let row = |arguments, what, row| {
        assert_message(
            new(arguments),
            &format!("{what}: expected at least one token in every row, got none in row {row}"),
        );
    };
    row(Arguments { input_ids: ragged(&[vec![1], vec![], vec![2]]), ..Arguments::default() }, "input_ids", 1);
    row(Arguments { inputs_embeds: Some(waves(&[2, 0, 12], 0.0)), ..Arguments::default() }, "inputs_embeds", 0);
    // Any number of empty rows is refused without taking memory for them.
    for rows in [2, 1 << 40] {
        let empty = Tensor::zeros([rows, 0], (Kind::Int64, Device::Cpu));
        assert!(matches!(from(&empty, None, None, None), Err(Error::Input { .. })));
        assert!(matches!(from(&empty.unsqueeze(1), None, None, None), Err(Error::Input { .. })));
        row(
            Arguments {
                inputs_embeds: Some(Tensor::zeros([rows, 0, 12], (Kind::Float, Device::Cpu))),
                ..Arguments::default()
            },
            "inputs_embeds",
            0,
        );
    }
}

#[test]
fn ids_must_be_integers_in_the_vocabulary() {
    let one = Tensor::from_slice(&[5_i64, 6, 7]);
    let shape = from(&one, None, None, None);
    assert!(matches!(&shape, Err(Error::Shape { what, .. }) if what == "input_ids"));
    assert_message(shape, "input_ids: expected shape [B, S], got [3]");
    assert_message(from(&one.view([1, 1, 3]), None, None, None), "input_ids: expected shape [B, S], got [1, 1, 3]");
    assert_message(from(&one.sum(Kind::Int64), None, None, None), "input_ids: expected shape [B, S], got []");
    let dtype = from(&ids().to_kind(Kind::Float), None, None, None);
    assert!(matches!(&dtype, Err(Error::Dtype { what, .. }) if what == "input_ids"));
    assert_message(dtype, "input_ids: expected integers (int64), got float32");
    assert!(matches!(from(&ids().to_kind(Kind::Bool), None, None, None), Err(Error::Dtype { .. })));
    for kind in [Kind::Uint8, Kind::Int8, Kind::Int16, Kind::Int] {
        let inputs = from(&ids().to_kind(kind), None, None, None).unwrap();
        let Tokens::Ids(packed) = inputs.tokens else { panic!("ids went in") };
        assert_eq!((packed.kind(), Vec::<i64>::try_from(packed).unwrap()), (Kind::Int64, vec![5, 6, 7, 8, 9, 10]));
    }
    match from(&matrix([[5, 6, 60], [8, 61, 10]]), None, None, None) {
        Err(Error::OutOfRange { what, value: 61, position, limit: 61 }) => {
            assert_eq!((what.as_str(), position), ("input_ids", vec![1, 1]));
        }
        other => panic!("{other:?}"),
    }
    assert_message(
        from(&matrix([[5, 6, -1]]), None, None, None),
        "input_ids: -1 at [0, 2] is out of range, expected 0 <= value < 61",
    );
    assert!(from(&matrix([[i64::MIN, i64::MAX]]), None, None, None).is_err());
}

#[test]
fn masks_must_have_the_shape_of_the_ids_and_hold_0_and_1() {
    for bad in [matrix([[1, 1], [1, 1]]), matrix([[1, 1, 1]]), matrix([[1, 1, 1], [1, 1, 1], [1, 1, 1]])] {
        let shape = format!("[{}, {}]", bad.size()[0], bad.size()[1]);
        assert_message(
            from(&ids(), Some(&bad), None, None),
            &format!("attention_mask: expected shape [B, S] = [2, 3], got {shape}"),
        );
    }
    let uneven = Arguments {
        input_ids: ragged(&[vec![1, 2, 3], vec![4, 5]]),
        attention_mask: ragged(&[vec![1, 1, 1], vec![1, 1, 0]]),
        ..Arguments::default()
    };
    assert_message(new(uneven), "attention_mask: expected shape [B, S] = 2 rows of lengths [3, 2], got [2, 3]");
    assert_message(
        from(&ids(), Some(&matrix([[1, 1, 1], [1, 1, 2]])), None, None),
        "attention_mask: expected 0 (padding) or 1 (keep), got 2 at [1, 2]",
    );
    // An additive mask, 0 and -10000, is refused too.
    assert!(from(&ids(), Some(&(matrix([[0, 0, 0], [0, 0, -1]]) * 10_000)), None, None).is_err());
    for bad in [0.5, -1e-3, f64::NAN, f64::INFINITY] {
        let fraction = Tensor::full([2, 3], bad, (Kind::Float, Device::Cpu));
        assert_message(
            from(&ids(), Some(&fraction), None, None),
            "attention_mask: expected 0 (padding) or 1 (keep), got a fraction or NaN",
        );
    }
    let mask = matrix([[1, 1, 0], [1, 0, 1]]);
    for kind in [Kind::Bool, Kind::Uint8, Kind::Int, Kind::Half, Kind::Float, Kind::Double, Kind::BFloat16] {
        assert_eq!(from(&ids(), Some(&mask.to_kind(kind)), None, None).unwrap().layout.tokens(), 4, "{kind:?}");
    }
}

#[test]
fn types_and_positions_must_lie_in_their_tables() {
    let bad = matrix([[0, 1, 4], [0, 0, 0]]);
    assert_message(
        from(&ids(), None, Some(&bad), None),
        "token_type_ids: 4 at [0, 2] is out of range, expected 0 <= value < 4",
    );
    assert_message(
        from(&ids(), None, None, Some(&(bad * 5))),
        "position_ids: 20 at [0, 2] is out of range, expected 0 <= value < 19",
    );
    assert_message(
        from(&ids(), None, Some(&matrix([[0, 0]])), None),
        "token_type_ids: expected shape [B, S] = [2, 3], got [1, 2]",
    );
    assert!(matches!(from(&ids(), None, None, Some(&ids().to_kind(Kind::Float))), Err(Error::Dtype { .. })));
    // A single row is broadcast to all rows.
    let inputs = from(&ids(), None, Some(&matrix([[0, 1, 2]])), Some(&matrix([[7, 5, 3]]))).unwrap();
    assert_eq!(Vec::<i64>::try_from(inputs.token_type_ids.unwrap()).unwrap(), [0, 1, 2, 0, 1, 2]);
    assert_eq!(Vec::<i64>::try_from(inputs.position_ids).unwrap(), [7, 5, 3, 7, 5, 3]);
}

#[test]
fn texts_longer_than_the_positions_are_refused() {
    let long = Arguments { input_ids: ragged(&[vec![1; 3], vec![1; 20]]), ..Arguments::default() };
    match new(long) {
        Err(Error::TooLong { what, row: 1, length: 20, maximum: 19 }) => assert_eq!(what, "input_ids"),
        other => panic!("{other:?}"),
    }
    assert_message(
        embedded(&waves(&[1, 20, 12], 0.0)),
        "inputs_embeds: 20 tokens at row 0 are more than the model's 19 positions; truncate the text (the tokenizer's \
         truncation and max_length)",
    );
    // Padding behind the last position is fine, and so is a long text with given positions.
    let mut mask = vec![0; 25];
    mask[..19].fill(1);
    let padded =
        Arguments { input_ids: ragged(&[vec![1; 25]]), attention_mask: ragged(&[mask]), ..Arguments::default() };
    assert_eq!(new(padded).unwrap().layout.tokens(), 19);
    let placed =
        Arguments { input_ids: ragged(&[vec![1; 25]]), position_ids: ragged(&[vec![3; 25]]), ..Arguments::default() };
    assert_eq!(new(placed).unwrap().layout.tokens(), 25);
}

#[test]
fn embeddings_must_have_the_models_width_and_dtype() {
    assert_message(embedded(&waves(&[1, 2, 13], 0.0)), "inputs_embeds: expected shape [B, S, E = 12], got [1, 2, 13]");
    assert_message(embedded(&waves(&[2, 12], 0.0)), "inputs_embeds: expected shape [B, S, E = 12], got [2, 12]");
    assert_message(
        embedded(&waves(&[1, 2, 12], 0.0).to_kind(Kind::Double)),
        "inputs_embeds: expected float32, got float64",
    );
    assert!(matches!(embedded(&waves(&[1, 2, 12], 0.0).to_kind(Kind::Int64)), Err(Error::Dtype { .. })));
}

#[test]
fn the_number_of_values_must_match_the_shape_of_rows() {
    let error = Rows::rectangular("input_ids", vec![1; 5], 2, 3).unwrap_err();
    assert_eq!(error.to_string(), "input_ids: expected shape [B, S] = [2, 3], got 5 values");
    assert!(Rows::rectangular("input_ids", Vec::new(), usize::MAX, 2).is_err());
    let rows = Rows::rectangular("input_ids", (0..6).collect(), 2, 3).unwrap();
    assert_eq!((rows.count(), rows.longest(), rows.row(1)), (2, 3, &[3, 4, 5][..]));
    // A tensor with strides is read in the order of its view.
    let transposed = Rows::from_tensor("input_ids", &ids().transpose(0, 1)).unwrap();
    assert_eq!((transposed.row(0), transposed.row(2)), (&[5, 8][..], &[7, 10][..]));
}

#[test]
fn unpacking_inverts_packing_and_finds_places() {
    let mask = matrix([[0, 1, 1, 1], [1, 0, 0, 0], [0, 0, 0, 0], [1, 1, 0, 1]]);
    let layout = from(&matrix([[1, 2, 3, 4]; 4]), Some(&mask), None, None).unwrap().layout;
    assert_eq!((layout.rows(), layout.columns(), layout.tokens()), (4, 4, 7));
    let padded = waves(&[4, 4, 3], 1.0);
    let packed = layout.pack(&padded).unwrap();
    let unpacked = layout.unpack(&packed).unwrap();
    assert!(unpacked.equal(&(padded * mask.unsqueeze(-1))));
    assert!(layout.pack(&unpacked).unwrap().equal(&packed));
    for (row, column) in [(0, 1), (0, 3), (1, 0), (3, 3)] {
        let place = layout.place(row, column).unwrap();
        assert!(packed.get(place).equal(&unpacked.get(row as i64).get(column as i64)), "{row} {column}");
    }
    assert_eq!([(0, 0), (2, 0), (1, 9), (9, 0)].map(|(row, column)| layout.place(row, column)), [None; 4]);
}
