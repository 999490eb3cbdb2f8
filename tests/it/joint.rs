//! Tests of question answering by a start, an end that depends on it, and an answerability. The formulas are compared in
//! `tests/python/test_original_heads.py`.

use oxbert::distilbert::DistilBertForJointQuestionAnswering;
use oxbert::electra::{ElectraForJointQuestionAnswering, ElectraForQuestionAnswering};
use oxbert::heads::{BEAM, Shareable};
use oxbert::inputs::{Arguments, Inputs, Labels};
use oxbert::models::Model;
use oxbert::nn::ForwardOptions;
use oxbert::outputs::JointQuestionAnsweringOutput;
use oxbert::pretrained::Frozen;
use oxbert::weights::{Strictness, WeightFormat};
use tch::{Device, Tensor};

use crate::common::{TRAIN, Tiny, assert_close, ids, model, numbers, odd, odd_for, ragged, run};

const LENGTHS: [usize; 4] = [5, 2, 17, 5];

fn arguments(rows: &[usize]) -> Arguments {
    let ids: Vec<Vec<i64>> = rows.iter().map(|&row| ids(&LENGTHS)[row].clone()).collect();
    let types: Vec<Vec<i64>> =
        ids.iter().map(|row| (0..row.len()).map(|column| i64::from(column > 1)).collect()).collect();
    Arguments { input_ids: ragged(&ids), token_type_ids: ragged(&types), ..Arguments::default() }
}

fn labels(is_impossible: Option<Tensor>) -> Labels {
    let (start, end) = (Tensor::from_slice(&[2_i64, 0, 9, 99]), Tensor::from_slice(&[3_i64, 0, 12, 99]));
    Labels::Spans { start, end, is_impossible }
}

/// Return the candidates of a row whose log-probabilities are finite, as (start, end, log-probability).
fn candidates(output: &JointQuestionAnsweringOutput, row: i64) -> Vec<(i64, i64, f64)> {
    let spans = output.spans.as_ref().unwrap();
    let scores = numbers(&(spans.start_scores.get(row).unsqueeze(1) + spans.end_scores.get(row)));
    let starts = numbers(&spans.starts.get(row));
    let ends = numbers(&spans.ends.get(row));
    let places = (0..BEAM * BEAM).map(|place| (starts[place / BEAM] as i64, ends[place] as i64, scores[place]));
    places.filter(|candidate| candidate.2.is_finite()).collect()
}

#[test]
fn rows_are_answered_alike_alone_in_a_batch_and_frozen() {
    fn law<M>()
    where
        M: Model<Config: Tiny, Output = JointQuestionAnsweringOutput, Frozen: Shareable>,
    {
        let model = model::<M>(&odd_for::<M>());
        let all = tch::no_grad(|| run(&model, arguments(&[0, 1, 2, 3]), ForwardOptions::default()));
        let folder = tempfile::tempdir().unwrap();
        model.save(folder.path(), WeightFormat::Safetensors).unwrap();
        let frozen = Frozen::<M>::from_folder(folder.path(), Device::Cpu, Strictness::Everything).unwrap();
        let inputs = Inputs::new(arguments(&[0, 1, 2, 3]), &frozen.limits()).unwrap();
        let others = frozen.forward(&inputs, ForwardOptions::default()).unwrap();
        assert_close(&others.answerability_logits, &all.answerability_logits);
        for (row, &length) in LENGTHS.iter().enumerate() {
            let alone = tch::no_grad(|| run(&model, arguments(&[row]), ForwardOptions::default()));
            let row = row as i64;
            assert_close(&alone.answerability_logits, &all.answerability_logits.narrow(0, row, 1));
            let expected = candidates(&all, row);
            assert_eq!(expected.len(), length.min(BEAM).pow(2));
            for found in [candidates(&alone, 0), candidates(&others, row)] {
                let mut pairs = [&expected, &found].map(|list| list.iter().map(|it| (it.0, it.1)).collect::<Vec<_>>());
                for pairs in &mut pairs {
                    pairs.sort_unstable();
                }
                assert_eq!(pairs[0], pairs[1]);
                for (one, other) in expected.iter().zip(&found) {
                    // A masked token has a logit less 1000.
                    assert!((one.2 - other.2).abs() < 1e-5 * one.2.abs().max(1.0), "{one:?} {other:?}");
                }
            }
        }
    }
    law::<ElectraForJointQuestionAnswering>();
    law::<DistilBertForJointQuestionAnswering>();
}

#[test]
fn every_parameter_is_trained() {
    fn law<M>()
    where
        M: Model<Config: Tiny, Output = JointQuestionAnsweringOutput>,
    {
        let model = model::<M>(&odd_for::<M>());
        let flags = Tensor::from_slice(&[0_i64, 1, 0, 1]);
        let output = run(&model, arguments(&[0, 1, 2, 3]).with_labels(labels(Some(flags))), TRAIN);
        assert!(output.spans.is_none());
        let without = run(&model, arguments(&[0, 1, 2, 3]).with_labels(labels(None)), TRAIN);
        let (loss, shorter) = (output.loss.unwrap(), without.loss.unwrap());
        assert!(loss.double_value(&[]) > shorter.double_value(&[]) && shorter.double_value(&[]) > 0.0);
        loss.backward();
        // A softmax over tokens cancels a bias that is the same for all.
        let cancelled = ["joint_qa.start.bias", "joint_qa.end.out_proj.bias"];
        for (name, parameter) in model.parameters().iter().filter(|(name, _)| name.starts_with("joint_qa")) {
            let gradient = parameter.grad();
            assert!(gradient.defined(), "{name}");
            let largest = gradient.abs().max().double_value(&[]);
            assert_eq!(largest > 1e-6, !cancelled.contains(&name.as_str()), "{name}: {largest}");
        }
    }
    law::<ElectraForJointQuestionAnswering>();
    law::<DistilBertForJointQuestionAnswering>();
}

#[test]
fn answerability_is_checked() {
    let joint = model::<ElectraForJointQuestionAnswering>(&odd());
    let plain = model::<ElectraForQuestionAnswering>(&odd_for::<ElectraForQuestionAnswering>());
    let given = |flags: &[f32]| arguments(&[0, 1, 2, 3]).with_labels(labels(Some(Tensor::from_slice(flags))));
    let error = |arguments, limits| Inputs::new(arguments, &limits).unwrap_err().to_string();
    let flags = [0.0, 1.0, 0.0, 1.0];
    assert!(Inputs::new(given(&flags), &joint.model.limits()).is_ok());
    assert_eq!(
        error(given(&flags), plain.model.limits()),
        "is_impossible: this model does not predict whether there is an answer"
    );
    assert_eq!(
        error(given(&[0.0, 0.5, 0.0, 1.0]), joint.model.limits()),
        "is_impossible: expected 0 or 1 for each question, got another number"
    );
    let short = error(given(&[0.0]), joint.model.limits());
    assert!(short.starts_with("is_impossible") && short.contains("[B] = [4]") && short.contains("[1]"), "{short}");
    let alone = Labels::from_arguments(None, None, None, Some(Tensor::from_slice(&flags))).unwrap_err().to_string();
    assert_eq!(alone, "is_impossible: expected start_positions and end_positions beside it, got none");
}
