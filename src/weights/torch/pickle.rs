//! A pickle of torch, as plain values.
//!
//! A pickle is a program for a stack machine. This machine knows only the instructions that torch writes. Names of
//! classes and functions are compared with a list, and nothing is called. Every instruction adds at most one value, so
//! the pickle's length bounds the memory. Values are indices into tables, so nothing here recurses.

use std::collections::HashMap;

use super::cursor::Cursor;
use super::values::{Global, Pickle, State, Storage, Tensor, Value};
use crate::weights::index::{Checked, MAX_DIMENSIONS};

impl<'a> Pickle<'a> {
    /// Run a pickle that must take all bytes.
    pub(super) fn load(bytes: &'a [u8]) -> Checked<Self> {
        let (pickle, rest) = Self::load_first(bytes)?;
        if rest.is_empty() { Ok(pickle) } else { Err(unfinished()) }
    }

    /// Run the first of several pickles, and return the bytes after it.
    pub(super) fn load_first(bytes: &'a [u8]) -> Checked<(Self, &'a [u8])> {
        let mut machine = Machine::new(bytes);
        let mut instructions = 0;
        while machine.step()? {
            instructions += 1;
            if instructions > MAX_INSTRUCTIONS {
                return Err(format!("the pickle has more than {MAX_INSTRUCTIONS} instructions"));
            }
        }
        machine.finish()
    }
}

struct Machine<'a> {
    code: Cursor<'a>,
    stack: Vec<Value<'a>>,
    /// Heights of the stack at which groups begin.
    marks: Vec<usize>,
    memo: HashMap<u32, Value<'a>>,
    tuples: Vec<Vec<Value<'a>>>,
    /// The number of tensors that the pickle may still create.
    tensors_left: usize,
    /// The number of sizes and strides that the pickle may still create. A few bytes can repeat a long shape many
    /// times, so without a bound a small file could take much memory.
    dimensions_left: usize,
    result: Pickle<'a>,
}

/// Enough for over twenty thousand tensors. Every instruction may make a value, which takes more memory than the
/// instruction has bytes.
const MAX_INSTRUCTIONS: usize = 1 << 20;

/// More tensors than any model has.
const MAX_TENSORS: usize = 1 << 20;

impl<'a> Machine<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let result = Pickle {
            root: Value::None,
            dicts: vec![],
            lists: vec![],
            objects: vec![],
            storages: vec![],
            tensors: vec![],
        };
        Self {
            code: Cursor::new(bytes, "the pickle"),
            stack: vec![],
            marks: vec![],
            memo: HashMap::new(),
            tuples: vec![],
            tensors_left: MAX_TENSORS,
            // A size or stride takes at least two bytes.
            dimensions_left: bytes.len(),
            result,
        }
    }

    /// Execute one instruction. Return false after the last one.
    fn step(&mut self) -> Checked<bool> {
        let code = self.code.u8()?;
        match code {
            0x80 => match self.code.u8()? {
                2 => {}
                other => return Err(format!("the pickle has protocol {other}, expected 2, which torch writes")),
            },
            b'.' => return Ok(false),
            b'(' => self.marks.push(self.stack.len()),
            b'N' => self.stack.push(Value::None),
            0x88 | 0x89 => self.stack.push(Value::Bool(code == 0x88)),
            b'J' => {
                let number = i32::from_le_bytes(self.code.array()?);
                self.stack.push(Value::Int(number.into()));
            }
            b'K' => {
                let number = self.code.u8()?;
                self.stack.push(Value::Int(number.into()));
            }
            b'M' => {
                let number = self.code.u16()?;
                self.stack.push(Value::Int(number.into()));
            }
            0x8a => {
                let number = self.long()?;
                self.stack.push(number);
            }
            b'G' => {
                self.code.take(8)?;
                self.stack.push(Value::Other);
            }
            // `T` and `U` are texts of Python 2.
            b'X' | b'T' | b'U' => {
                let length = if code == b'U' { self.code.u8()?.into() } else { self.code.u32()? };
                let text = self.code.string(length as usize)?;
                self.stack.push(Value::Str(text));
            }
            b'c' => {
                let (module, name) = (self.code.line()?, self.code.line()?);
                self.stack.push(Value::Global(Global::find(module, name)?));
            }
            b')' => self.tuple(vec![]),
            b't' => {
                let items = self.pop_group()?;
                self.tuple(items);
            }
            0x85..=0x87 => {
                let count = usize::from(code - 0x84);
                let start = self.stack.len().checked_sub(count).ok_or_else(underflow)?;
                let items = self.stack.split_off(start);
                self.tuple(items);
            }
            b']' => {
                self.result.lists.push(vec![]);
                self.stack.push(Value::List(self.result.lists.len() - 1));
            }
            b'a' => {
                let item = self.pop()?;
                self.list()?.push(item);
            }
            b'e' => {
                let items = self.pop_group()?;
                self.list()?.extend(items);
            }
            b'}' => self.dict(),
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set_items(&[key, value])?;
            }
            b'u' => {
                let items = self.pop_group()?;
                self.set_items(&items)?;
            }
            b'q' => {
                let key = self.code.u8()?;
                self.remember(key.into())?;
            }
            b'r' => {
                let key = self.code.u32()?;
                self.remember(key)?;
            }
            b'h' => {
                let key = self.code.u8()?;
                self.recall(key.into())?;
            }
            b'j' => {
                let key = self.code.u32()?;
                self.recall(key)?;
            }
            b'Q' => self.storage()?,
            0x81 => self.new_object()?,
            b'b' => self.build()?,
            b'R' => self.reduce()?,
            other => return Err(format!("the pickle has the instruction 0x{other:02x}, which torch never writes")),
        }
        Ok(true)
    }

    fn finish(mut self) -> Checked<(Pickle<'a>, &'a [u8])> {
        match self.stack.as_slice() {
            [root] if self.marks.is_empty() => self.result.root = *root,
            _ => return Err(unfinished()),
        }
        Ok((self.result, self.code.rest()))
    }

    fn pop(&mut self) -> Checked<Value<'a>> {
        self.stack.pop().ok_or_else(underflow)
    }

    fn pop_group(&mut self) -> Checked<Vec<Value<'a>>> {
        let start = self.marks.pop().filter(|&start| start <= self.stack.len()).ok_or_else(underflow)?;
        Ok(self.stack.split_off(start))
    }

    fn tuple(&mut self, items: Vec<Value<'a>>) {
        self.tuples.push(items);
        self.stack.push(Value::Tuple(self.tuples.len() - 1));
    }

    /// Return the items of a value that must be a tuple.
    fn items(&self, value: Value<'a>) -> Checked<&[Value<'a>]> {
        match value {
            Value::Tuple(position) => self.tuples.get(position).map(Vec::as_slice).ok_or_else(underflow),
            other => Err(format!("the pickle has {}, expected a tuple", other.kind())),
        }
    }

    fn integers(&self, value: Value<'a>) -> Checked<Vec<i64>> {
        let items = self.items(value)?;
        // Every tensor copies its sizes, and many tensors may share one tuple, so its length is bounded.
        if items.len() > MAX_DIMENSIONS {
            return Err(format!("a tensor has {} dimensions, expected at most {MAX_DIMENSIONS}", items.len()));
        }
        let integer = |item: &Value<'_>| match item {
            Value::Int(number) => Ok(*number),
            other => Err(format!("the pickle has {}, expected a size or a stride", other.kind())),
        };
        items.iter().map(integer).collect()
    }

    fn list(&mut self) -> Checked<&mut Vec<Value<'a>>> {
        match self.stack.last() {
            Some(&Value::List(position)) => self.result.lists.get_mut(position).ok_or_else(underflow),
            other => Err(format!("the pickle appends to {}, expected a list", other.map_or("nothing", Value::kind))),
        }
    }

    fn dict(&mut self) {
        self.result.dicts.push(vec![]);
        self.stack.push(Value::Dict(self.result.dicts.len() - 1));
    }

    /// Add keys and values, in turn, to the dict on top of the stack.
    fn set_items(&mut self, items: &[Value<'a>]) -> Checked<()> {
        let (pairs, []) = items.as_chunks() else { return Err("the pickle has a key without a value".into()) };
        match self.stack.last() {
            Some(&Value::Dict(position)) => {
                let dict = self.result.dicts.get_mut(position).ok_or_else(underflow)?;
                dict.extend(pairs.iter().map(|&[key, value]| (key, value)));
                Ok(())
            }
            other => Err(format!("the pickle sets items of {}, expected a dict", other.map_or("nothing", Value::kind))),
        }
    }

    fn remember(&mut self, key: u32) -> Checked<()> {
        let value = *self.stack.last().ok_or_else(underflow)?;
        self.memo.insert(key, value);
        Ok(())
    }

    fn recall(&mut self, key: u32) -> Checked<()> {
        let value = self.memo.get(&key).ok_or_else(|| format!("the pickle recalls {key}, which was never stored"))?;
        self.stack.push(*value);
        Ok(())
    }

    /// Read a signed integer of up to eight bytes.
    fn long(&mut self) -> Checked<Value<'a>> {
        let length = usize::from(self.code.u8()?);
        if length > 8 {
            return Err(format!("the pickle has an integer of {length} bytes, expected at most 8"));
        }
        let bytes = self.code.take(length)?;
        let negative = bytes.last().is_some_and(|&byte| byte >= 0x80);
        let mut padded = [if negative { 0xff } else { 0 }; 8];
        for (to, from) in padded.iter_mut().zip(bytes) {
            *to = *from;
        }
        Ok(Value::Int(i64::from_le_bytes(padded)))
    }

    fn storage(&mut self) -> Checked<()> {
        let identifier = self.pop()?;
        // libtorch before 1.5 writes None as a sixth item.
        let storage = match self.items(identifier)? {
            [
                Value::Str("storage"),
                Value::Global(Global::Storage(dtype)),
                Value::Str(key),
                Value::Str(_),
                Value::Int(count),
            ]
            | [
                Value::Str("storage"),
                Value::Global(Global::Storage(dtype)),
                Value::Str(key),
                Value::Str(_),
                Value::Int(count),
                Value::None,
            ] => Storage { dtype: *dtype, key, count: *count },
            items => {
                let expected = "\"storage\", a class, a key, a device and a number of elements";
                return Err(format!("the pickle identifies a storage by {} items, expected {expected}", items.len()));
            }
        };
        self.result.storages.push(storage);
        self.stack.push(Value::Storage(self.result.storages.len() - 1));
        Ok(())
    }

    fn new_object(&mut self) -> Checked<()> {
        let (arguments, class) = (self.pop()?, self.pop()?);
        match (class, self.items(arguments)?) {
            (Value::Global(Global::Class), []) => {}
            (class, arguments) => {
                let (got, count) = (class.kind(), arguments.len());
                return Err(format!(
                    "the pickle builds an object from {got} and {count} arguments, expected a class alone"
                ));
            }
        }
        self.result.objects.push(State::Empty);
        self.stack.push(Value::Object(self.result.objects.len() - 1));
        Ok(())
    }

    fn build(&mut self) -> Checked<()> {
        let state = self.pop()?;
        let position = match self.stack.last() {
            Some(&Value::Object(position)) => position,
            // torch keeps the versions of the modules as an attribute of a state dict.
            Some(Value::Dict(_)) => return Ok(()),
            other => {
                let got = other.map_or("nothing", Value::kind);
                return Err(format!("the pickle sets the state of {got}, expected an object or a dict"));
            }
        };
        let object = self.result.objects.get_mut(position).ok_or_else(underflow)?;
        if !matches!(object, State::Empty) {
            return Err("the pickle sets the state of an object twice".into());
        }
        *object = match state {
            Value::Dict(position) => State::Attributes(position),
            _ => State::Custom,
        };
        Ok(())
    }

    /// Replace the call of a known function by its result.
    fn reduce(&mut self) -> Checked<()> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let Value::Global(function) = function else {
            return Err(format!("the pickle calls {}, expected a function", function.kind()));
        };
        let arguments = self.items(arguments)?;
        let value = match (function, arguments) {
            (Global::OrderedDict, []) => {
                self.dict();
                return Ok(());
            }
            (
                Global::RebuildTensor,
                &[Value::Storage(storage), Value::Int(offset), sizes, strides, Value::Bool(_), _, ref more @ ..],
            ) => {
                self.plain(more)?;
                let tensor = Tensor { storage, offset, sizes: self.integers(sizes)?, strides: self.integers(strides)? };
                self.afford(tensor.sizes.len() + tensor.strides.len())?;
                self.result.tensors.push(tensor);
                Value::Tensor(self.result.tensors.len() - 1)
            }
            (Global::RebuildParameter, &[tensor @ Value::Tensor(_), Value::Bool(_), _]) => tensor,
            (Global::Typed, &[value, ..]) => value,
            (Global::Device | Global::Class, _) => Value::Other,
            (function, arguments) => {
                return Err(format!("the pickle calls {function:?} with {} unexpected arguments", arguments.len()));
            }
        };
        self.stack.push(value);
        Ok(())
    }

    /// Count one more tensor, with this number of sizes and strides.
    fn afford(&mut self, dimensions: usize) -> Checked<()> {
        let left = self.tensors_left.checked_sub(1).zip(self.dimensions_left.checked_sub(dimensions));
        let (tensors, dimensions) = left.ok_or("the pickle creates more tensors than its length can describe")?;
        (self.tensors_left, self.dimensions_left) = (tensors, dimensions);
        Ok(())
    }

    /// Refuse the flags of lazily negated or conjugated tensors, whose bytes are not their values.
    fn plain(&self, metadata: &[Value<'a>]) -> Checked<()> {
        match metadata {
            [] | [Value::None] => Ok(()),
            [Value::Dict(position)] if self.result.dicts.get(*position).is_some_and(Vec::is_empty) => Ok(()),
            _ => {
                Err("a tensor is lazily negated or conjugated; call `resolve_neg().resolve_conj()` before saving"
                    .into())
            }
        }
    }
}

fn unfinished() -> String {
    "the pickle does not end with one value".into()
}

fn underflow() -> String {
    "the pickle uses a value that was never created".into()
}
