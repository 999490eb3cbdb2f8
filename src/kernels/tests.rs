//! Each kernel beside a plain one, on every instruction set that the processor has.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::functions::exp;
use super::linear::{Finish, Product};
use super::rows::{NARROW, rotate};
use super::simd::{MOST_LANES, Simd};
use super::team::{Own, Place, stride};
use super::*;
use crate::error::Error;
use crate::interrupt;

/// Every choice of kernels that runs here.
fn choices() -> Vec<Choice> {
    let here = Instructions::ALL.into_iter().filter_map(|(_, found)| Choice::new(Precision::Float32, found));
    here.flat_map(|choice| Precision::ALL.map(|(_, precision)| choice.with(precision))).collect()
}

fn float32() -> impl Iterator<Item = Choice> {
    choices().into_iter().filter(|choice| choice.precision() == Precision::Float32)
}

/// Numbers in [-1, 1] that depend on a seed.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        // Splitmix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn take(&mut self, count: usize, scale: f32) -> Vec<f32> {
        (0..count).map(|_| scale * self.next()).collect()
    }
}

/// The weights of a linear layer.
struct Plain {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Plain {
    fn new(numbers: &mut Numbers, outputs: usize, inputs: usize) -> Self {
        let scale = 2.0 / (inputs as f32).sqrt();
        Self { weight: numbers.take(outputs * inputs, scale), bias: numbers.take(outputs, 0.5) }
    }

    fn pack(&self, choice: Choice) -> Matrix {
        let (outputs, inputs) = (self.bias.len(), self.weight.len() / self.bias.len());
        let mut matrix = Matrix::zeros(choice, outputs, inputs).unwrap();
        // In two parts, as queries, keys and values are packed.
        let half = outputs / 2;
        matrix.set(0, &self.weight[..half * inputs], &self.bias[..half]).unwrap();
        matrix.set(half, &self.weight[half * inputs..], &self.bias[half..]).unwrap();
        matrix
    }

    fn forward(&self, row: &[f64]) -> Vec<f64> {
        let rows = self.weight.chunks_exact(row.len()).zip(&self.bias);
        rows.map(|(weights, bias)| {
            weights.iter().zip(row).map(|(w, x)| f64::from(*w) * x).sum::<f64>() + f64::from(*bias)
        })
        .collect()
    }
}

/// A product of rows as an encoder computes it.
struct Multiply<'a> {
    matrix: &'a Matrix,
    rows: &'a [f32],
    threads: usize,
}

impl Work for Multiply<'_> {
    type Result = Vec<f32>;

    fn run<S: Simd, F: Forms>(self) -> Vec<f32> {
        let (outputs, inputs) = (self.matrix.outputs(), self.matrix.inputs());
        let count = self.rows.len() / inputs;
        let (from, to) = (stride(inputs), stride(outputs));
        let mut padded = vec![0.0; count * from];
        for (row, place) in self.rows.chunks_exact(inputs).zip(padded.chunks_exact_mut(from)) {
            place[..inputs].copy_from_slice(row);
        }
        let mut output = vec![f32::NAN; count * to];
        let mut own = Own::default();
        let shape = Shape { hidden: inputs, inner: inputs, heads: 1 };
        own.reserve::<S, F>(shape, count, 1).unwrap();
        for number in 0..self.threads {
            let panels = Place { number, of: self.threads }.part(self.matrix.panel_count::<S>());
            // SAFETY: the buffers are as long as the sizes say, and the choice runs here.
            unsafe {
                S::compile(
                    #[inline(always)]
                    || {
                        let rows = own.encode::<S, F::Others>(padded.as_ptr(), count, inputs);
                        let product = Product::<S, F::Others> {
                            rows,
                            count,
                            matrix: self.matrix,
                            panels,
                            to: output.as_mut_ptr(),
                        };
                        product.run(Finish::Store);
                    },
                );
            }
        }
        output.chunks_exact(to).flat_map(|row| row[..outputs].to_vec()).collect()
    }
}

/// Rows as products in int8 take them.
struct Rotate<'a>(&'a [f32]);

impl Work for Rotate<'_> {
    type Result = (Vec<f32>, usize);

    fn run<S: Simd, F: Forms>(self) -> (Vec<f32>, usize) {
        let mut rotated = vec![f32::NAN; self.0.len()];
        // SAFETY: both rows are as long, and the choice runs here.
        unsafe {
            S::compile(
                #[inline(always)]
                || rotate::<S>(self.0.as_ptr(), self.0.len(), rotated.as_mut_ptr()),
            );
        }
        (rotated, S::LANES)
    }
}

/// Return what a product in int8 is, step by step.
fn int8(plain: &Plain, row: &[f32], choice: Choice) -> Vec<f32> {
    let largest = match choice.instructions() {
        Instructions::Avx2 => 32_767.min(i32::MAX / 127 / row.len() as i32) as f32,
        Instructions::Avx512 | Instructions::Avx512BFloat16 => 127.0,
    };
    let (row, _) = choice.run(Rotate(row));
    let scale_of = |values: &[f32]| values.iter().fold(1e-30, |most: f32, value| most.max(value.abs()));
    let (high, low) = row.iter().fold((0.0_f32, 0.0_f32), |(high, low), &x| (high.max(x), low.min(x)));
    let (half, center) = ((0.5 * high - 0.5 * low).max(1e-30), 0.5 * high + 0.5 * low);
    let factor = largest / half;
    let input: Vec<i32> = row.iter().map(|value| ((value - center) * factor).round_ties_even() as i32).collect();
    let columns = plain.weight.chunks_exact(row.len()).zip(&plain.bias);
    columns
        .map(|(weights, bias)| {
            let (weights, _) = choice.run(Rotate(weights));
            let scale = scale_of(&weights) / 127.0;
            let integers: Vec<i32> = weights.iter().map(|weight| (weight / scale).round_ties_even() as i32).collect();
            let sum: i32 = integers.iter().zip(&input).map(|(weight, value)| weight * value).sum();
            let total = integers.iter().sum::<i32>() as f32 * scale;
            center.mul_add(total, sum as f32 * scale * (half / largest)) + bias
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn products_are_those_of_a_plain_loop(
        seed: u64, count in 1_usize..40, outputs in 1_usize..100, inputs in 1_usize..600, threads in 1_usize..4,
    ) {
        let mut numbers = Numbers(seed);
        let plain = Plain::new(&mut numbers, outputs, inputs);
        let rows = numbers.take(count * inputs, 2.0);
        for choice in choices() {
            let matrix = plain.pack(choice);
            let output = choice.run(Multiply { matrix: &matrix, rows: &rows, threads });
            for (row, output) in rows.chunks_exact(inputs).zip(output.chunks_exact(outputs)) {
                if matches!(choice.precision(), Precision::Int8 | Precision::Int8BFloat16) {
                    prop_assert_eq!(output, int8(&plain, row, choice));
                    continue;
                }
                let round = |value: f32| match choice.precision() {
                    Precision::BFloat16 => half::bf16::from_f32(value).to_f32(),
                    Precision::Float16 => half::f16::from_f32(value).to_f32(),
                    _ => value,
                };
                let weight = plain.weight.iter().copied().map(round).collect();
                let rounded = Plain { weight, bias: plain.bias.clone() };
                let is_bfloat = choice.precision() == Precision::BFloat16;
                let row: Vec<f64> = row.iter().map(|&value| f64::from(if is_bfloat { round(value) } else { value })).collect();
                for (ours, plain) in output.iter().zip(rounded.forward(&row)) {
                    prop_assert!((f64::from(*ours) - plain).abs() < 5e-6, "{choice:?}: {ours} {plain}");
                }
            }
            // A row alone has the same bits.
            let alone = choice.run(Multiply { matrix: &matrix, rows: &rows[(count - 1) * inputs..], threads: 1 });
            prop_assert_eq!(&alone[..], &output[(count - 1) * outputs..]);
        }
    }

    #[test]
    fn rotated_rows_are_rows_times_hadamard_matrices(seed: u64, width in 1_usize..700) {
        let row = Numbers(seed).take(width, 1.0);
        for choice in float32() {
            let (rotated, lanes) = choice.run(Rotate(&row));
            let mut begin = 0;
            while width >= NARROW * lanes && width - begin >= lanes {
                let vectors = 1 << ((width - begin) / lanes).min(lanes).ilog2();
                for (place, ours) in rotated[begin..][..vectors * lanes].iter().enumerate() {
                    let terms = row[begin..][..vectors * lanes].iter().skip(place % lanes).step_by(lanes).enumerate();
                    // The sign is that of the bits that both numbers of vectors have.
                    let sign = |other: usize| if ((place / lanes) & other).count_ones().is_multiple_of(2) { 1.0 } else { -1.0 };
                    let sum: f64 = terms.map(|(other, value)| sign(other) * f64::from(*value)).sum();
                    prop_assert!((f64::from(*ours) - sum / (vectors as f64).sqrt()).abs() < 2e-6);
                }
                begin += vectors * lanes;
            }
            prop_assert_eq!(&rotated[begin..], &row[begin..]);
        }
    }

    #[test]
    fn linear_layers_are_those_of_a_plain_loop(
        seed: u64, count in 0_usize..20, outputs in 1_usize..100, inputs in 1_usize..300,
    ) {
        let mut numbers = Numbers(seed);
        let mut plain = Plain::new(&mut numbers, outputs, inputs);
        let halves = to_halves(&mut plain.weight);
        let rows = numbers.take(count * inputs, 2.0);
        for choice in float32() {
            let matrix = plain.pack(choice);
            let mut packed = vec![f32::NAN; count * outputs];
            Linear::Packed(&matrix).forward(&rows, &mut packed, 2).unwrap();
            for weight in [Table::Float32(&plain.weight), Table::Float16(&halves)] {
                let mut unpacked = vec![f32::NAN; count * outputs];
                Linear::Rows { choice, weight, bias: &plain.bias }.forward(&rows, &mut unpacked, 3).unwrap();
                prop_assert_eq!(&packed, &unpacked);
            }
            for (row, packed) in rows.chunks_exact(inputs).zip(packed.chunks_exact(outputs)) {
                let row: Vec<f64> = row.iter().copied().map(f64::from).collect();
                for (ours, plain) in packed.iter().zip(plain.forward(&row)) {
                    prop_assert!((f64::from(*ours) - plain).abs() < 5e-6);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn embeddings_are_those_of_a_plain_loop(
        seed: u64, count in 0_usize..20, width in 1_usize..100, has_types: bool, gives_types: bool, are_ids: bool,
    ) {
        let rows = [7, 30, 2];
        let mut numbers = Numbers(seed);
        let mut tables = rows.map(|rows| numbers.take(rows * width, 1.0));
        let halves = to_halves(&mut tables[0]);
        let (vectors, weight, bias) =
            (numbers.take(count * width, 1.0), numbers.take(width, 1.0), numbers.take(width, 1.0));
        let mut ids = |limit: usize| -> Vec<i64> {
            (0..count).map(|_| (numbers.next().abs() * limit as f32) as i64 % limit as i64).collect()
        };
        let (words, positions, types) = (ids(rows[0]), ids(rows[1]), ids(rows[2]));
        let norms = Norms { weight, bias, eps: EPS };
        let parameters = (norms.weight.clone(), norms.bias.clone());
        let row = |table: &[f32], id: usize| -> Vec<f64> {
            table[id * width..][..width].iter().copied().map(f64::from).collect()
        };
        for choice in float32() {
            for table in [Table::Float32(&tables[0]), Table::Float16(&halves)] {
                let embeddings = Embeddings {
                    choice,
                    words: table,
                    positions: Table::Float32(&tables[1]),
                    types: has_types.then_some(Table::Float32(&tables[2])),
                    norms: &norms,
                };
                let tokens = if are_ids { Tokens::Ids(&words) } else { Tokens::Vectors(&vectors) };
                let mut output = vec![f32::NAN; count * width];
                let given = gives_types.then_some(&types[..]);
                embeddings.forward(tokens, given, &positions, &mut output).unwrap();
                for (token, ours) in output.chunks_exact(width).enumerate() {
                    let mut sum = if are_ids { row(&tables[0], words[token] as usize) } else { row(&vectors, token) };
                    if has_types {
                        sum = add(&sum, &row(&tables[2], if gives_types { types[token] as usize } else { 0 }));
                    }
                    sum = add(&sum, &row(&tables[1], positions[token] as usize));
                    for (ours, plain) in ours.iter().zip(plain_norm(&sum, &parameters)) {
                        prop_assert!((f64::from(*ours) - plain).abs() < 1e-4);
                    }
                }
                // A row that no table has.
                let outside = vec![rows[1] as i64; count];
                prop_assert_eq!(embeddings.forward(tokens, given, &outside, &mut output).is_err(), count > 0);
            }
        }
    }
}

/// Rows and columns whose integers are the largest that there are, so that sums are as large as they can be.
#[test]
fn the_largest_sums_of_int8_fit() {
    for inputs in [515, 516, 517, 768, 3072, 16_384, 130_000] {
        for choice in choices().into_iter().filter(|choice| choice.precision() == Precision::Int8) {
            // A rotation is its own inverse.
            let (ones, _) = choice.run(Rotate(&vec![1.0; inputs]));
            let weight = [1.0, -1.0].iter().flat_map(|sign| ones.iter().map(move |one| sign * one)).collect();
            let matrix = Plain { weight, bias: vec![0.0; 2] }.pack(choice);
            // The range of a row begins at 0 or ends there: the integers are all the largest or all the smallest.
            let rows: Vec<f32> = [1.0, -1.0].iter().flat_map(|sign| ones.iter().map(move |one| sign * one)).collect();
            let output = choice.run(Multiply { matrix: &matrix, rows: &rows, threads: 1 });
            for (found, sign) in output.iter().zip([1.0, -1.0, -1.0, 1.0]) {
                let expected = sign * inputs as f32;
                assert!((found - expected).abs() < 2e-3 * expected.abs(), "{choice:?} {inputs} {found}");
            }
        }
    }
}

/// Round weights to float16, and return their bits.
fn to_halves(weights: &mut [f32]) -> Vec<u16> {
    let round = |weight: &mut f32| {
        let half = half::f16::from_f32(*weight);
        *weight = half.to_f32();
        half.to_bits()
    };
    weights.iter_mut().map(round).collect()
}

/// The weight and the bias of a norm.
type PlainNorm = (Vec<f32>, Vec<f32>);

#[test]
fn what_is_not_a_number_is_not_lost() {
    let mut numbers = Numbers(2);
    let (outputs, inputs) = (70, 50);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let (mut plain, mut rows) = (Plain::new(&mut numbers, outputs, inputs), numbers.take(5 * inputs, 1.0));
        plain.weight[66 * inputs + 49] = bad;
        rows[3 * inputs + 7] = bad;
        for choice in choices() {
            let output = choice.run(Multiply { matrix: &plain.pack(choice), rows: &rows, threads: 1 });
            for (place, value) in output.iter().enumerate() {
                let is_bad = place / outputs == 3 || place % outputs == 66;
                assert_eq!(is_bad, !value.is_finite(), "{choice:?} {bad} {place}");
            }
        }
    }
}

/// The weight and the bias of a norm.
struct Encoder {
    shape: Shape,
    layers: Vec<[Plain; 4]>,
    norms: Vec<[PlainNorm; 2]>,
}

const EPS: f64 = 1e-3;

impl Encoder {
    fn new(numbers: &mut Numbers, shape: Shape, count: usize) -> Self {
        let Shape { hidden, inner, .. } = shape;
        let layers = (0..count)
            .map(|_| [(3 * hidden, hidden), (hidden, hidden), (inner, hidden), (hidden, inner)])
            .map(|sizes| sizes.map(|(outputs, inputs)| Plain::new(numbers, outputs, inputs)))
            .collect();
        let mut norm = || (numbers.take(hidden, 1.0), numbers.take(hidden, 0.5));
        Self { shape, layers, norms: (0..count).map(|_| [norm(), norm()]).collect() }
    }

    fn pack(&self, choice: Choice, function: Function) -> Layers {
        let norms = |(weight, bias): &PlainNorm| Norms { weight: weight.clone(), bias: bias.clone(), eps: EPS };
        let layer = |([projections, attention, intermediate, output], norm): (&[Plain; 4], &[PlainNorm; 2])| Layer {
            projections: projections.pack(choice.projections()),
            attention_output: attention.pack(choice),
            attention_norm: norms(&norm[0]),
            intermediate: intermediate.pack(choice),
            output: output.pack(choice),
            output_norm: norms(&norm[1]),
        };
        let all = self.layers.iter().zip(&self.norms).map(layer).collect();
        Layers { choice, shape: self.shape, function, all }
    }

    /// Take one text through all layers by plain loops in float64. Return the hidden states of each layer, and the
    /// probabilities.
    fn forward(&self, text: &[f32], function: fn(f64) -> f64, direction: Direction) -> Vec<(Vec<f64>, Vec<f64>)> {
        let Shape { hidden, heads, .. } = self.shape;
        let size = hidden / heads;
        let mut rows: Vec<Vec<f64>> =
            text.chunks_exact(hidden).map(|row| row.iter().copied().map(f64::from).collect()).collect();
        let mut states = Vec::new();
        for ([projections, attention, intermediate, output], [first, second]) in self.layers.iter().zip(&self.norms) {
            let projected: Vec<Vec<f64>> = rows.iter().map(|row| projections.forward(row)).collect();
            let mut contexts = vec![vec![0.0; hidden]; rows.len()];
            let mut probabilities = Vec::new();
            for head in 0..heads {
                let part = |row: usize, which: usize| &projected[row][which * hidden + head * size..][..size];
                for (query, context) in contexts.iter_mut().enumerate() {
                    let sees = |key: usize| match direction {
                        Direction::Both => true,
                        Direction::LeftToRight => key <= query,
                        Direction::RightToLeft => key >= query,
                    };
                    let score = |key: usize| {
                        let score: f64 = part(query, 0).iter().zip(part(key, 1)).map(|(q, k)| q * k).sum();
                        if sees(key) { (score / (size as f64).sqrt()).exp() } else { 0.0 }
                    };
                    let scores: Vec<f64> = (0..rows.len()).map(score).collect();
                    let sum: f64 = scores.iter().sum();
                    for (key, score) in scores.iter().enumerate() {
                        probabilities.push(score / sum);
                        for (depth, value) in part(key, 2).iter().enumerate() {
                            context[head * size + depth] += score / sum * value;
                        }
                    }
                }
            }
            for (row, context) in rows.iter_mut().zip(&contexts) {
                let attended = plain_norm(&add(&attention.forward(context), row), first);
                let inner: Vec<f64> = intermediate.forward(&attended).into_iter().map(function).collect();
                *row = plain_norm(&add(&output.forward(&inner), &attended), second);
            }
            states.push((rows.concat(), probabilities));
        }
        states
    }
}

fn add(one: &[f64], other: &[f64]) -> Vec<f64> {
    one.iter().zip(other).map(|(one, other)| one + other).collect()
}

fn plain_norm(row: &[f64], (weight, bias): &PlainNorm) -> Vec<f64> {
    let count = row.len() as f64;
    let mean = row.iter().sum::<f64>() / count;
    let variance = row.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    let scaled = row.iter().map(|value| (value - mean) / (variance + EPS).sqrt());
    scaled.zip(weight.iter().zip(bias)).map(|(value, (w, b))| value * f64::from(*w) + f64::from(*b)).collect()
}

/// The results of a batch: hidden states of the last layer and of each, and probabilities of each.
type Results = (Vec<f32>, Vec<Vec<f32>>, Vec<Vec<f32>>);

fn run(layers: &Layers, input: &[f32], lengths: &[usize], direction: Direction, threads: usize) -> Results {
    let squares = lengths.iter().map(|length| layers.shape.heads * length * length).sum();
    let mut output = vec![0.0; input.len()];
    let mut states = vec![vec![0.0; input.len()]; layers.all.len()];
    let mut probabilities = vec![vec![0.0; squares]; layers.all.len()];
    let call = Call {
        input,
        lengths,
        direction,
        threads,
        output: &mut output,
        states: states.iter_mut().map(Vec::as_mut_slice).collect(),
        probabilities: probabilities.iter_mut().map(Vec::as_mut_slice).collect(),
    };
    layers.run(call).unwrap();
    (output, states, probabilities)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn encoders_are_those_of_plain_loops_whatever_stands_beside_a_text(
        seed: u64, heads in 1_usize..4, size in 1_usize..70, inner in 1_usize..90,
        lengths in vec(prop_oneof![1_usize..12, 12_usize..120], 1..6), turn in 0_usize..3, threads in 2_usize..4,
    ) {
        let direction = [Direction::Both, Direction::LeftToRight, Direction::RightToLeft][turn];
        let mut numbers = Numbers(seed);
        let shape = Shape { hidden: heads * size, inner, heads };
        let encoder = Encoder::new(&mut numbers, shape, 2);
        let input = numbers.take(lengths.iter().sum::<usize>() * shape.hidden, 1.0);
        for choice in choices() {
            let layers = encoder.pack(choice, Function::Tanh);
            let (output, states, probabilities) = run(&layers, &input, &lengths, direction, threads);
            prop_assert_eq!(&states[1], &output);
            if choice.precision() == Precision::Int8BFloat16 && !choice.instructions().have_bfloat16() {
                // Attention is that of bfloat16 too, so that the first layer's is the same.
                let other = encoder.pack(choice.with(Precision::BFloat16), Function::Tanh);
                prop_assert_eq!(&probabilities[0], &run(&other, &input, &lengths, direction, threads).2[0]);
            }
            // Precisions in this order: all of these numbers are about 1.
            let tolerance = [5e-6, 2e-2, 0.15, 0.5, 0.5][choice.precision() as usize];
            let (mut row, mut square) = (0, 0);
            for &length in &lengths {
                let (begin, end) = (row * shape.hidden, (row + length) * shape.hidden);
                let squares = square..square + heads * length * length;
                let (text, whole) = (&input[begin..end], [length]);
                let alone = run(&layers, text, &whole, direction, 1 + length % 3);
                prop_assert_eq!(&alone.0[..], &output[begin..end], "{:?} {}", choice, length);
                for (layer, plain) in encoder.forward(text, f64::tanh, direction).iter().enumerate() {
                    prop_assert_eq!(&alone.1[layer][..], &states[layer][begin..end]);
                    prop_assert_eq!(&alone.2[layer][..], &probabilities[layer][squares.clone()]);
                    for (ours, plain) in [(&alone.1[layer], &plain.0), (&alone.2[layer], &plain.1)] {
                        let worst = ours.iter().zip(plain).map(|(x, y)| (f64::from(*x) - y).abs()).fold(0.0, f64::max);
                        prop_assert!(worst < tolerance, "{choice:?}, layer {layer}: {worst}");
                    }
                }
                (row, square) = (row + length, squares.end);
            }
        }
    }
}

/// `exp` on many numbers.
struct Exp<'a>(&'a mut [f32]);

impl Work for Exp<'_> {
    type Result = ();

    fn run<S: Simd, F: Forms>(self) {
        for values in self.0.chunks_exact_mut(S::LANES) {
            let place = values.as_mut_ptr();
            // SAFETY: the choice runs here.
            unsafe {
                S::compile(
                    #[inline(always)]
                    || S::store(place, exp::<S>(S::load(place))),
                );
            }
        }
    }
}

type Formula<'a> = &'a dyn Fn(f64) -> f64;

#[test]
fn functions_are_those_of_float64() {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
    let formulas: [(Function, Formula); 8] = [
        (Function::Relu6, &|x| x.clamp(0.0, 6.0)),
        (Function::LeakyRelu, &|x| if x > 0.0 { x } else { 0.01 * x }),
        (Function::QuickGelu, &|x| x * sigmoid(1.702 * x)),
        (Function::Silu, &|x| x * sigmoid(x)),
        (Function::Mish, &|x| x * softplus(x).tanh()),
        (Function::HardSwish, &|x| x * (x + 3.0).clamp(0.0, 6.0) / 6.0),
        (Function::SqrtSoftplus, &|x| softplus(x).sqrt()),
        (Function::Tanh, &f64::tanh),
    ];
    let values: Vec<f32> = (-1600..1600).map(|place| place as f32 / 100.0).collect();
    for choice in float32() {
        for (function, formula) in formulas {
            let mut mapped = values.clone();
            apply(choice, function, &mut mapped);
            for (x, y) in values.iter().zip(&mapped) {
                let exact = formula(f64::from(*x));
                assert!((f64::from(*y) - exact).abs() < 2e-6 * exact.abs().max(1.0), "{function:?}({x}): {y} {exact}");
            }
        }
        let mut mapped: Vec<f32> = (-8700..8800).step_by(5).map(|place| place as f32 / 100.0).collect();
        mapped.truncate(mapped.len() / MOST_LANES * MOST_LANES);
        let powers = mapped.clone();
        choice.run(Exp(&mut mapped));
        for (x, y) in powers.iter().zip(&mapped) {
            assert!((f64::from(*y) / f64::from(*x).exp() - 1.0).abs() < 1e-6, "exp({x}): {y}");
        }
        for (x, exact) in [(-100.0, 0.0_f32), (-1e30, 0.0), (100.0, 100.0), (1e30, 1e30)] {
            let mut mapped = [x];
            apply(choice, Function::Gelu, &mut mapped);
            assert_eq!(mapped[0].abs().to_bits(), exact.to_bits());
        }
        // The bits of a value do not depend on its place.
        for function in formulas.iter().map(|(function, _)| *function).chain([Function::Sigmoid]) {
            let (mut whole, mut part) = (values.clone(), values[5..19].to_vec());
            apply(choice, function, &mut whole);
            apply(choice, function, &mut part);
            assert_eq!(part, whole[5..19]);
        }
        // What is not a number stays so, in every function.
        for function in formulas.iter().map(|(function, _)| *function).chain([Function::Gelu, Function::Relu]) {
            let mut mapped = [f32::NAN; MOST_LANES];
            apply(choice, function, &mut mapped);
            assert!(mapped.iter().all(|value| value.is_nan()), "{function:?}");
        }
    }
}

#[test]
fn an_interrupt_ends_the_work_of_all_threads() {
    let mut numbers = Numbers(3);
    let shape = Shape { hidden: 64, inner: 128, heads: 2 };
    let encoder = Encoder::new(&mut numbers, shape, 60);
    for lengths in [vec![30; 200], vec![400]] {
        let input = numbers.take(lengths.iter().sum::<usize>() * shape.hidden, 1.0);
        for choice in choices() {
            let layers = encoder.pack(choice, Function::Gelu);
            let mut output = vec![0.0; input.len()];
            let call = Call {
                input: &input,
                lengths: &lengths,
                direction: Direction::Both,
                threads: 3,
                output: &mut output,
                states: Vec::new(),
                probabilities: Vec::new(),
            };
            let check = || Err(Error::Interrupted);
            let outcome = interrupt::watch_every(Duration::ZERO, check, || layers.run(call));
            assert!(matches!(outcome, Err(Error::Interrupted)));
            // The last row would be written last.
            assert!(output.last().is_some_and(|last| *last == 0.0));
        }
    }
}

#[test]
fn a_check_that_panics_hangs_no_thread() {
    let mut numbers = Numbers(4);
    let shape = Shape { hidden: 64, inner: 128, heads: 2 };
    let encoder = Encoder::new(&mut numbers, shape, 60);
    for lengths in [vec![30; 100], vec![400], vec![900, 1000, 300]] {
        let input = numbers.take(lengths.iter().sum::<usize>() * shape.hidden, 1.0);
        for choice in float32() {
            let layers = encoder.pack(choice, Function::Gelu);
            let work = || run(&layers, &input, &lengths, Direction::Both, 3);
            let check = || panic!("on purpose");
            let panicked = catch_unwind(AssertUnwindSafe(|| interrupt::watch_every(Duration::ZERO, check, work)));
            assert!(panicked.is_err());
        }
    }
}

#[test]
fn rows_too_long_for_int8_are_refused() {
    for choice in choices() {
        let is_refused = matches!(Matrix::zeros(choice, 1, 140_000), Err(Error::Input { .. }));
        assert_eq!(is_refused, matches!(choice.precision(), Precision::Int8 | Precision::Int8BFloat16));
    }
}

#[test]
fn buffers_that_do_not_fit_are_refused() {
    let encoder = Encoder::new(&mut Numbers(1), Shape { hidden: 6, inner: 4, heads: 2 }, 1);
    for choice in choices() {
        let layers = encoder.pack(choice, Function::Relu);
        for (input, output, states) in [(12, 12, 6), (11, 12, 12), (12, 13, 12)] {
            let (input, mut output, mut states) = (vec![0.0; input], vec![0.0; output], vec![0.0; states]);
            let call = Call {
                input: &input,
                lengths: &[2],
                direction: Direction::Both,
                threads: 1,
                output: &mut output,
                states: vec![&mut states],
                probabilities: Vec::new(),
            };
            assert!(matches!(layers.run(call), Err(Error::Internal { .. })));
        }
    }
}

/// A closure without `#[inline(always)]` is compiled without the instruction set, and calls a function for each vector.
#[cfg(target_os = "linux")]
#[test]
fn no_vector_instruction_is_a_call() {
    use object::{Object, ObjectSymbol};
    let program = std::fs::read("/proc/self/exe").unwrap();
    let program = object::File::parse(&*program).unwrap();
    let names: Vec<_> = program.symbols().filter_map(|symbol| symbol.name().ok()).collect();
    assert!(names.iter().any(|name| name.contains("kernels")), "the symbols were stripped");
    // Dependencies have vectors of bytes.
    let is_ours = |name: &&&str| name.contains("_mm512_") || name.contains("_mm256_") && name.contains("_ps");
    let calls: Vec<_> = names.iter().filter(is_ours).collect();
    assert!(calls.is_empty(), "{calls:?}");
}
