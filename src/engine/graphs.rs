//! Small batches on a GPU as recorded graphs: one launch for all kernels of an encoder.
//!
//! The kernels of a small batch take less time than their launches. A graph launches all of them at once, but only with the
//! shapes and addresses of its recording. So a batch is copied to the place of a recorded one, with tokens behind the last
//! row, and rows without tokens, to which no row attends.
//!
//! tch has no graphs. A [`Recorder`] brings them along: in Python, those of torch.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, TryLockError};

use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result};
use crate::inputs::{Inputs, Tokens};
use crate::nn::Layout;

/// Work whose kernels are recorded. Each call does the same with the same memory.
pub type Work = Arc<dyn Fn() -> Result<()> + Send + Sync>;

/// Records the kernels of work.
pub trait Recorder: Send + Sync {
    /// Do the work on a device until it is warm, then record it; None if that cannot be done now.
    ///
    /// # Errors
    /// Those of the work.
    fn record(&self, device: Device, work: &Work) -> Result<Option<Box<dyn Recording>>>;
}

/// Recorded kernels.
pub trait Recording: Send {
    /// Launch the kernels; return false, and launch nothing, if that cannot be done now.
    ///
    /// # Errors
    /// [`Error::Torch`] if libtorch refuses.
    fn replay(&self) -> Result<bool>;
}

static RECORDER: OnceLock<Box<dyn Recorder>> = OnceLock::new();

/// Let all frozen models of this process record small batches on GPUs. The first recorder stays.
pub fn set_recorder(recorder: impl Recorder + 'static) {
    let _ = RECORDER.set(Box::new(recorder));
}

/// The most tokens of a batch: more keep a GPU at work by themselves.
const MOST_TOKENS: i64 = 1024;
/// The most recordings of a model. Each keeps the memory of its batch.
const MOST_RECORDINGS: usize = 64;

/// The function from inputs to packed hidden states `[T, H]` that is recorded.
pub(super) type Encode = Arc<dyn Fn(&Inputs) -> Result<Tensor> + Send + Sync>;

/// The recordings of a model.
pub(super) struct Graphs {
    encode: Encode,
    /// None for a size that cannot be recorded.
    recorded: Mutex<HashMap<Size, Option<Graph>>>,
}

impl fmt::Debug for Graphs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Graphs").finish_non_exhaustive()
    }
}

impl Graphs {
    pub(super) fn new(encode: Encode) -> Self {
        Self { encode, recorded: Mutex::default() }
    }

    /// Return the packed hidden states `[T, H]`, by the recorder of the process; None if the batch is to be computed without.
    ///
    /// # Errors
    /// [`Error::Torch`] if libtorch refuses; the errors of [`interrupt::go_on`](crate::interrupt::go_on).
    pub(super) fn run(&self, inputs: &Inputs) -> Result<Option<Tensor>> {
        match RECORDER.get() {
            Some(recorder) => self.run_by(&**recorder, inputs),
            None => Ok(None),
        }
    }

    fn run_by(&self, recorder: &dyn Recorder, inputs: &Inputs) -> Result<Option<Tensor>> {
        let (Tokens::Ids(ids), Some(size)) = (&inputs.tokens, Size::of(inputs)) else { return Ok(None) };
        // Another thread may hold the lock and wait for what this one holds, such as Python's.
        let mut recorded = match self.recorded.try_lock() {
            Ok(recorded) => recorded,
            Err(TryLockError::Poisoned(poisoned)) => PoisonError::into_inner(poisoned),
            Err(TryLockError::WouldBlock) => return Ok(None),
        };
        let count = recorded.len();
        let graph = match recorded.entry(size) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(_) if count >= MOST_RECORDINGS => return Ok(None),
            Entry::Vacant(entry) => entry.insert(Graph::new(recorder, &self.encode, size, ids.device())?),
        };
        let Some(graph) = graph else { return Ok(None) };
        graph.place.fill(ids, inputs)?;
        if !graph.recording.replay()? {
            return Ok(None);
        }
        graph.place.result(ids.size()[0]).map(Some)
    }
}

/// The size of a recorded batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Size {
    tokens: i64,
    rows: i64,
    longest: i64,
    has_types: bool,
}

impl Size {
    /// Return the size that a batch is padded to; None if the batch is too large or empty.
    fn of(inputs: &Inputs) -> Option<Self> {
        let layout = &inputs.layout;
        let tokens = layout.tokens();
        (1..=MOST_TOKENS).contains(&tokens).then(|| Self {
            tokens: wider(tokens, 16),
            rows: wider(layout.kept_rows(), 1),
            longest: wider(layout.longest(), 16),
            has_types: inputs.token_type_ids.is_some(),
        })
    }
}

/// Return the next power of two, or the middle between two, from `least` on.
fn wider(count: i64, least: i64) -> i64 {
    let power = (count.max(1) as u64).next_power_of_two() as i64;
    let middle = power / 4 * 3;
    if count <= middle && middle > least { middle } else { power.max(least) }
}

/// A recorded batch.
struct Graph {
    place: Arc<Place>,
    recording: Box<dyn Recording>,
}

impl Graph {
    /// Record a batch of a size; return None if that cannot be done.
    fn new(recorder: &dyn Recorder, encode: &Encode, size: Size, device: Device) -> Result<Option<Self>> {
        let place = Arc::new(Place::new(size, device)?);
        let work: Work = {
            let (place, encode) = (Arc::clone(&place), Arc::clone(encode));
            Arc::new(move || {
                let _no_grad = tch::no_grad_guard();
                let output = encode(&place.inputs)?;
                *place.output.lock().unwrap_or_else(PoisonError::into_inner) = Some(output);
                Ok(())
            })
        };
        Ok(recorder.record(device, &work)?.map(|recording| Self { place, recording }))
    }
}

/// The memory of a recorded batch.
struct Place {
    inputs: Inputs,
    /// Of the last call of the work, which is the recorded one.
    output: Mutex<Option<Tensor>>,
}

// SAFETY: a `Tensor` is not `Sync` because its methods can change it through a shared reference. The tensors of a place are
// only used by the thread that holds the lock of `Graphs`.
unsafe impl Sync for Place {}

impl Place {
    fn new(size: Size, device: Device) -> Result<Self> {
        let zeros = |count: i64, kind| Tensor::f_zeros([count], (kind, device));
        let boundaries = zeros(size.rows + 1, Kind::Int)?;
        let inputs = Inputs {
            tokens: Tokens::Ids(zeros(size.tokens, Kind::Int64)?),
            token_type_ids: if size.has_types { Some(zeros(size.tokens, Kind::Int64)?) } else { None },
            position_ids: zeros(size.tokens, Kind::Int64)?,
            layout: Arc::new(Layout::padded(size.tokens, size.longest, boundaries)),
            targets: None,
        };
        Ok(Self { inputs, output: Mutex::default() })
    }

    /// Copy a batch here. What was there before stays behind it.
    fn fill(&self, ids: &Tensor, inputs: &Inputs) -> Result<()> {
        let copy = |to: &Tensor, from: &Tensor| -> Result<()> {
            to.f_narrow(0, 0, from.size()[0])?.f_copy_(from)?;
            Ok(())
        };
        if let Tokens::Ids(place) = &self.inputs.tokens {
            copy(place, ids)?;
        }
        if let (Some(place), Some(types)) = (&self.inputs.token_type_ids, &inputs.token_type_ids) {
            copy(place, types)?;
        }
        copy(&self.inputs.position_ids, &inputs.position_ids)?;
        let (rows, most) = (inputs.layout.kept_rows(), self.inputs.layout.kept_rows());
        let (place, boundaries) = (self.inputs.layout.boundaries()?, inputs.layout.boundaries()?);
        copy(place, boundaries)?;
        // The rows that fill up begin where the last one ends.
        place.f_narrow(0, rows + 1, most - rows)?.f_copy_(&boundaries.f_narrow(0, rows, 1)?)?;
        Ok(())
    }

    /// Return a copy of the hidden states of the first tokens.
    fn result(&self, tokens: i64) -> Result<Tensor> {
        let output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let output = output.as_ref().ok_or_else(|| Error::Internal { message: "nothing was recorded".into() })?;
        let result = output.f_narrow(0, 0, tokens)?;
        let copy = result.f_empty_like()?;
        copy.shallow_clone().f_copy_(&result)?;
        Ok(copy)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::inputs::{Arguments, Limits, Rows, Task};

    /// Does the work again when it is to be replayed, as a GPU repeats its kernels.
    #[derive(Default)]
    struct Again {
        records: AtomicUsize,
        refuses: bool,
    }

    struct Repeat(Work);

    impl Recorder for Again {
        fn record(&self, _device: Device, work: &Work) -> Result<Option<Box<dyn Recording>>> {
            self.records.fetch_add(1, Ordering::Relaxed);
            for _ in 0..3 {
                work()?;
            }
            Ok((!self.refuses).then(|| Box::new(Repeat(Arc::clone(work))) as Box<dyn Recording>))
        }
    }

    impl Recording for Repeat {
        fn replay(&self) -> Result<bool> {
            (self.0)().map(|()| true)
        }
    }

    /// Return for each token its id, its type, its position, and the sum of the ids of its row by the boundaries alone.
    fn describe(inputs: &Inputs) -> Result<Tensor> {
        let Tokens::Ids(ids) = &inputs.tokens else { unreachable!() };
        let starts = Vec::<i32>::try_from(inputs.layout.boundaries()?)?;
        let sums = ids.zeros_like();
        for row in starts.windows(2) {
            let (begin, count) = (i64::from(row[0]), i64::from(row[1] - row[0]));
            assert!(count <= inputs.layout.longest());
            let _ = sums.narrow(0, begin, count).fill_tensor_(&ids.narrow(0, begin, count).sum(Kind::Int64));
        }
        let types = inputs.token_type_ids.as_ref().map_or_else(|| ids.zeros_like(), Tensor::shallow_clone);
        Ok(Tensor::stack(&[ids.shallow_clone(), types, inputs.position_ids.shallow_clone(), sums], 1))
    }

    fn inputs(rows: &[Vec<i64>], has_types: bool) -> Inputs {
        let limits = Limits {
            vocab_size: 1000,
            max_position_embeddings: 2000,
            type_vocab_size: 2,
            embedding_size: 4,
            device: Device::Cpu,
            kind: Kind::Float,
            task: Task::Encoding,
        };
        let types: Vec<Vec<i64>> = rows.iter().map(|row| row.iter().map(|id| id % 2).collect()).collect();
        let arguments = Arguments {
            input_ids: Some(Rows::ragged(rows)),
            token_type_ids: has_types.then(|| Rows::ragged(&types)),
            ..Arguments::default()
        };
        Inputs::new(arguments, &limits).unwrap()
    }

    #[test]
    fn recorded_batches_have_the_results_of_others() {
        let graphs = Graphs::new(Arc::new(describe));
        let recorder = Again::default();
        let lengths =
            [vec![5], vec![3, 1, 9], vec![9, 1, 3], vec![30], vec![2; 40], vec![1024], vec![16; 3], vec![1, 500, 20]];
        for turn in 0..2 {
            for (number, lengths) in lengths.iter().enumerate() {
                let id = |row: usize, column: usize| ((7 * turn + 11 * number + 13 * row + column) % 997) as i64;
                let rows: Vec<Vec<i64>> = lengths
                    .iter()
                    .enumerate()
                    .map(|(row, &length)| (0..length).map(|column| id(row, column)).collect())
                    .collect();
                let inputs = inputs(&rows, number % 2 == 0);
                let found = graphs.run_by(&recorder, &inputs).unwrap().unwrap();
                assert!(found.equal(&describe(&inputs).unwrap()));
            }
            // The third has the size of the second, but types.
            assert_eq!(recorder.records.load(Ordering::Relaxed), 8);
        }
    }

    #[test]
    fn what_cannot_be_recorded_is_left_to_the_caller() {
        let recorder = Again::default();
        let graphs = Graphs::new(Arc::new(describe));
        assert!(graphs.run(&inputs(&[vec![1, 2]], false)).unwrap().is_none());
        assert!(graphs.run_by(&recorder, &inputs(&[vec![1; 1025]], false)).unwrap().is_none());
        assert_eq!(recorder.records.load(Ordering::Relaxed), 0);
        let refusing = Again { refuses: true, ..Again::default() };
        for _ in 0..3 {
            assert!(graphs.run_by(&refusing, &inputs(&[vec![1, 2]], false)).unwrap().is_none());
        }
        assert_eq!(refusing.records.load(Ordering::Relaxed), 1);
        // A thread that finds the recordings in use does without.
        let held = graphs.recorded.lock().unwrap();
        assert!(graphs.run_by(&recorder, &inputs(&[vec![1; 40]], false)).unwrap().is_none());
        drop(held);
        let failing = Graphs::new(Arc::new(|_: &Inputs| Err(Error::Interrupted)));
        assert!(matches!(failing.run_by(&recorder, &inputs(&[vec![1, 2]], false)), Err(Error::Interrupted)));
    }

    #[test]
    fn the_number_of_recordings_is_bounded() {
        let (graphs, recorder) = (Graphs::new(Arc::new(describe)), Again::default());
        for rows in 1..=40 {
            for length in [1, 20, 25] {
                let batch = inputs(&vec![vec![3; length]; rows], length == 25);
                let found = graphs.run_by(&recorder, &batch).unwrap();
                assert!(found.is_none_or(|found| found.equal(&describe(&batch).unwrap())));
            }
        }
        assert!(graphs.recorded.lock().unwrap().len() <= MOST_RECORDINGS);
    }

    #[test]
    fn sizes_are_wider_by_less_than_half() {
        for count in 1..5000 {
            let found = wider(count, 1);
            assert!(count <= found && (found <= 2 || 2 * found <= 3 * count + 1), "{count} {found}");
            assert_eq!(wider(found, 1), found);
            assert!(wider(count, 16) >= 16);
        }
    }
}
