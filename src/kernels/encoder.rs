//! The layers of an encoder, and how threads share a batch.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::attention::Direction;
use super::functions::Function;
use super::helpers::{share, taken};
use super::layer::{Layer, Rows, forward};
use super::shape::Shape;
use super::simd::Simd;
use super::team::{Own, Place, Pointers, Shared, stride};
use super::{Choice, Forms, Work};
use crate::error::{Error, Result};
use crate::interrupt;

/// The layers of an encoder.
#[derive(Debug)]
pub(crate) struct Layers {
    /// The kernels that the matrices of all layers were made for.
    pub(crate) choice: Choice,
    /// The sizes that all layers have.
    pub(crate) shape: Shape,
    /// The activation inside the feed-forward part.
    pub(crate) function: Function,
    /// First to last.
    pub(crate) all: Vec<Layer>,
}

/// One run of the layers on a batch of T tokens.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    /// Hidden states before the first layer, `[T, H]`.
    pub(crate) input: &'a [f32],
    /// Number of tokens of each text; T together.
    pub(crate) lengths: &'a [usize],
    /// The tokens of its text that a token attends to.
    pub(crate) direction: Direction,
    /// The most threads to use.
    pub(crate) threads: usize,
    /// Hidden states after the last layer, `[T, H]`.
    pub(crate) output: &'a mut [f32],
    /// For each layer room for its hidden states, `[T, H]`; or nothing.
    pub(crate) states: Vec<&'a mut [f32]>,
    /// For each layer room for its attention probabilities, for each text `[A, L, L]`; or nothing.
    pub(crate) probabilities: Vec<&'a mut [f32]>,
}

impl Layers {
    /// Take a batch through all layers.
    ///
    /// # Errors
    /// [`Error::Memory`] if there is not enough; the errors of [`interrupt::go_on`].
    pub(crate) fn run(&self, call: Call<'_>) -> Result<()> {
        let Shape { hidden, heads, .. } = self.shape;
        let tokens: usize = call.lengths.iter().sum();
        let squares: usize = call.lengths.iter().map(|length| heads * length * length).sum();
        let is_whole = [call.input.len(), call.output.len()].iter().all(|&length| length == tokens * hidden)
            && [(&call.states, tokens * hidden), (&call.probabilities, squares)].iter().all(|(buffers, length)| {
                buffers.is_empty()
                    || buffers.len() == self.all.len() && buffers.iter().all(|buffer| buffer.len() == *length)
            });
        if !is_whole {
            return Err(Error::Internal { message: "the buffers of a frozen encoder do not fit the batch".into() });
        }
        if tokens == 0 {
            return Ok(());
        }
        self.choice.run(Run { layers: self, call })
    }

    /// Return the number of multiplications per row in the products of all layers.
    fn products(&self) -> usize {
        let Shape { hidden, inner, .. } = self.shape;
        self.all.len() * 2 * hidden * (2 * hidden + inner)
    }
}

/// A text of a batch.
#[derive(Clone, Copy)]
struct Text {
    /// Its first row.
    first: usize,
    tokens: usize,
    /// Where its probabilities begin in those of a layer.
    probabilities: usize,
}

/// Texts that one team takes through all layers, one chunk after another.
#[derive(Default)]
struct Chunk {
    texts: Vec<Text>,
    rows: usize,
}

/// Multiplications that are worth a thread: some hundred microseconds.
const PRODUCTS_PER_THREAD: usize = 4_000_000;
/// Rows of a chunk: enough to read the weights seldom, few enough for their hidden states to stay in the second cache.
const CHUNK: usize = 128;
/// Fewer rows are not worth reading all weights again.
const SMALLEST_CHUNK: usize = 24;
/// Rows of a chunk that threads share: each of them holds all rows.
const TEAM_CHUNK: usize = 1024;

/// Cut a batch into chunks, the longest texts first, that keep all threads at work.
fn chunks(texts: &mut [Text], rows: usize, threads: usize) -> Vec<Chunk> {
    texts.sort_by_key(|text| Reverse(text.tokens));
    cut(texts, (rows / (2 * threads)).clamp(SMALLEST_CHUNK, CHUNK))
}

/// Cut a batch into chunks of at most this many rows; a longer text is a chunk of its own.
fn cut(texts: &[Text], most: usize) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> = Vec::new();
    for &text in texts {
        let is_full = chunks.last().is_none_or(|chunk| chunk.rows + text.tokens > most);
        if is_full {
            chunks.push(Chunk::default());
        }
        if let Some(chunk) = chunks.last_mut() {
            chunk.texts.push(text);
            chunk.rows += text.tokens;
        }
    }
    chunks
}

/// Return whether threads that take one chunk after another finish at about the same time.
fn is_balanced(chunks: &[Chunk], rows: usize, threads: usize) -> bool {
    let mut loads = vec![0; threads];
    for chunk in chunks {
        if let Some(least) = loads.iter_mut().min() {
            *least += chunk.rows;
        }
    }
    // Sharing columns costs about a fifth: every thread reads all rows, and waits.
    loads.iter().max().is_none_or(|&most| most * threads * 5 <= rows * 6)
}

struct Run<'a> {
    layers: &'a Layers,
    call: Call<'a>,
}

impl Work for Run<'_> {
    type Result = Result<()>;

    fn run<S: Simd, F: Forms>(self) -> Result<()> {
        let Self { layers, mut call } = self;
        let (mut texts, mut rows, mut probabilities) = (Vec::with_capacity(call.lengths.len()), 0, 0);
        for &tokens in call.lengths {
            texts.push(Text { first: rows, tokens, probabilities });
            rows += tokens;
            probabilities += layers.shape.heads * tokens * tokens;
        }
        let longest = call.lengths.iter().copied().max().unwrap_or(0);
        let threads = call.threads.min(1 + rows * layers.products() / PRODUCTS_PER_THREAD).max(1);
        let mut chunks = chunks(&mut texts, rows, threads);
        let is_team = threads > 1 && !is_balanced(&chunks, rows, threads);
        if is_team {
            chunks = cut(&texts, TEAM_CHUNK);
        }
        let most = chunks.iter().map(|chunk| chunk.rows).max().unwrap_or(0);
        let helpers = if is_team { threads } else { threads.min(chunks.len()) } - 1;
        let batch = Batch {
            layers,
            direction: call.direction,
            input: call.input.as_ptr(),
            output: call.output.as_mut_ptr(),
            states: call.states.iter_mut().map(|states| states.as_mut_ptr()).collect(),
            probabilities: call.probabilities.iter_mut().map(|values| values.as_mut_ptr()).collect(),
            stop: AtomicUsize::new(usize::MAX),
        };
        let mut buffers = BUFFERS.take();
        let teams = if is_team { 1 } else { helpers + 1 };
        buffers.shared.resize_with(teams.max(buffers.shared.len()), Shared::default);
        buffers.own.resize_with((helpers + 1).max(buffers.own.len()), Own::default);
        for shared in &mut buffers.shared[..teams] {
            shared.reserve(layers.shape, most)?;
        }
        for own in &mut buffers.own[..=helpers] {
            own.reserve::<S, F>(layers.shape, most, longest)?;
        }
        let result = if is_team {
            let shared = buffers.shared[0].pointers();
            batch.together::<S, F>(&chunks, shared, &mut buffers.own[..=helpers])
        } else {
            batch.apart::<S, F>(&chunks, &mut buffers.shared[..teams], &mut buffers.own[..=helpers])
        };
        if buffers.bytes() <= KEPT {
            BUFFERS.set(buffers);
        }
        result
    }
}

/// Bytes of buffers that a thread keeps for its next call.
const KEPT: usize = 64 << 20;

/// The buffers of all threads that one caller starts.
#[derive(Default)]
struct Buffers {
    shared: Vec<Shared>,
    own: Vec<Own>,
}

impl Buffers {
    fn bytes(&self) -> usize {
        self.shared.iter().map(Shared::bytes).sum::<usize>() + self.own.iter().map(Own::bytes).sum::<usize>()
    }
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

/// A batch, as all threads see it.
struct Batch<'a> {
    layers: &'a Layers,
    direction: Direction,
    input: *const f32,
    output: *mut f32,
    states: Vec<*mut f32>,
    probabilities: Vec<*mut f32>,
    /// The layer after which the work ends early. A team counts the layers of all its chunks.
    stop: AtomicUsize,
}

// SAFETY: threads read the input, and write the rows of their own texts, or of a team their own part of the rows.
unsafe impl Sync for Batch<'_> {}

impl Batch<'_> {
    /// Let each thread take chunks through all layers by itself.
    fn apart<S: Simd, F: Forms>(&self, chunks: &[Chunk], shared: &mut [Shared], own: &mut [Own]) -> Result<()> {
        let next = AtomicUsize::new(0);
        let work = |shared: &mut Shared, own: &mut Own, go_on: &dyn Fn() -> Result<()>| -> Result<()> {
            while let Some(chunk) = chunks.get(next.fetch_add(1, Ordering::Relaxed))
                && self.stop.load(Ordering::Relaxed) == usize::MAX
            {
                self.chunk::<S, F>(chunk, 0, shared.pointers(), own, Place::ALONE, go_on)?;
            }
            Ok(())
        };
        let threads = own.len();
        let mut pairs = shared.iter_mut().zip(own);
        let Some((shared, own)) = pairs.next() else { return Ok(()) };
        let others: Vec<_> = pairs.map(|pair| Mutex::new(Some(pair))).collect();
        let help = |place: Place| {
            if let Some((shared, own)) = taken(&others[place.number - 1]) {
                let _ = work(shared, own, &|| Ok(()));
            }
        };
        share(threads, &help, |_| work(shared, own, &interrupt::go_on))
    }

    /// Let all threads take each chunk through the layers together.
    fn together<S: Simd, F: Forms>(&self, chunks: &[Chunk], shared: Pointers<'_>, own: &mut [Own]) -> Result<()> {
        let threads = own.len();
        let Some((first, rest)) = own.split_first_mut() else { return Ok(()) };
        let layers = self.layers.all.len();
        let all = |own: &mut Own, place: Place, go_on: &dyn Fn() -> Result<()>| -> Result<()> {
            for (turn, chunk) in chunks.iter().enumerate() {
                self.chunk::<S, F>(chunk, turn * layers, shared, own, place, go_on)?;
                if layers > 0 && self.ends((turn + 1) * layers - 1, place) {
                    break;
                }
            }
            Ok(())
        };
        let others: Vec<_> = rest.iter_mut().map(|own| Mutex::new(Some(own))).collect();
        let help = |place: Place| {
            if let Some(own) = taken(&others[place.number - 1]) {
                let _ = all(own, place, &|| Ok(()));
            }
        };
        share(threads, &help, |place| all(first, place, &interrupt::go_on))
    }

    /// Take a chunk through all layers, as one thread of a team that has done as many layers `before`.
    fn chunk<S: Simd, F: Forms>(
        &self,
        chunk: &Chunk,
        before: usize,
        shared: Pointers<'_>,
        own: &mut Own,
        place: Place,
        go_on: &dyn Fn() -> Result<()>,
    ) -> Result<()> {
        let shape = self.layers.shape;
        // SAFETY: the buffers have room for the rows of a chunk, and those of the call for the whole batch; kernels run on a
        // processor that has their instructions, as `Choice` says.
        unsafe {
            self.read(chunk, own);
            for (number, layer) in self.layers.all.iter().enumerate() {
                // The other threads wait for this one in the layer, so that a panic of the check has to wait too.
                let outcome = if place.number == 0 { catch_unwind(AssertUnwindSafe(go_on)) } else { Ok(Ok(())) };
                if !matches!(outcome, Ok(Ok(()))) {
                    self.stop.store(before + number, Ordering::Relaxed);
                }
                let probabilities = |text: &Text| match self.probabilities.get(number) {
                    Some(layer) => layer.add(text.probabilities),
                    None => ptr::null_mut(),
                };
                let texts: Vec<_> = chunk.texts.iter().map(|text| (text.tokens, probabilities(text))).collect();
                let rows = Rows {
                    shape,
                    function: self.layers.function,
                    direction: self.direction,
                    texts: &texts,
                    count: chunk.rows,
                };
                forward::<S, F>(layer, rows, shared, own, place);
                // The threads of a team agree: the number was stored before they waited for each other in that layer.
                if self.ends(before + number, place) {
                    return outcome.unwrap_or_else(|panic| resume_unwind(panic));
                }
                if let Some(&states) = self.states.get(number) {
                    self.write(chunk, own, place, states);
                }
            }
            self.write(chunk, own, place, self.output);
        }
        Ok(())
    }

    /// Return whether the work ends after this layer.
    fn ends(&self, layer: usize, place: Place) -> bool {
        let stop = self.stop.load(Ordering::Relaxed);
        stop <= layer || place.of == 1 && stop != usize::MAX
    }

    /// Copy the input of all texts of a chunk into the buffer of a thread.
    unsafe fn read(&self, chunk: &Chunk, own: &mut Own) {
        let (hidden, stride) = (self.layers.shape.hidden, stride(self.layers.shape.hidden));
        for (row, token) in tokens(chunk) {
            unsafe {
                let to = own.hidden.as_mut_ptr().add(row * stride);
                ptr::copy_nonoverlapping(self.input.add(token * hidden), to, hidden);
                ptr::write_bytes(to.add(hidden), 0, stride - hidden);
            }
        }
    }

    /// Copy this thread's part of the rows to their places in the batch.
    unsafe fn write(&self, chunk: &Chunk, own: &Own, place: Place, to: *mut f32) {
        let (hidden, stride) = (self.layers.shape.hidden, stride(self.layers.shape.hidden));
        let part = place.part(chunk.rows);
        for (row, token) in tokens(chunk).skip(part.start).take(part.len()) {
            unsafe {
                ptr::copy_nonoverlapping(own.hidden.as_ptr().add(row * stride), to.add(token * hidden), hidden);
            }
        }
    }
}

/// Iterate over the rows of a chunk: the row, and its place in the batch.
fn tokens(chunk: &Chunk) -> impl Iterator<Item = (usize, usize)> {
    chunk.texts.iter().flat_map(|text| text.first..text.first + text.tokens).enumerate()
}
