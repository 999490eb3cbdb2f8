//! Write `.ot` files as libtorch's `OutputArchive` does, with a module whose parameters are the tensors, and `.bin`
//! files as `torch.save` does, with a dictionary of the tensors.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

use super::container::{
    CENTRAL_SIGNATURE, END_SIGNATURE, END64_SIGNATURE, LOCAL_SIGNATURE, LOCATOR64_SIGNATURE, SEE_ZIP64, ZIP64_EXTRA,
};
use crate::checksum::crc32;
use crate::error::{Error, Result};
use crate::files::Staged;
use crate::weights::index::check_names;
use crate::weights::raw::{Dtype, RawTensor};

/// The folder inside the archive. Readers accept any name.
const PREFIX: &str = "archive/";

/// libtorch maps records into memory and expects this alignment.
const ALIGNMENT: u64 = 64;

/// The kind of the extra field with which libtorch pads records.
const PADDING_EXTRA: u16 = u16::from_le_bytes(*b"FB");

/// The flag for names in UTF-8.
const FLAGS: u16 = 1 << 11;

/// 1 January 1980, the first day of zip's calendar. A fixed date makes equal tensors give equal files.
const DATE: u16 = (1 << 5) | 1;

/// Version 4.5 of zip, the first with zip64.
const ZIP_VERSION: u16 = 45;

/// Write tensors as an `.ot` file, which tch, `rust_bert`, `torch.jit.load` and
/// [`WeightFile`](crate::weights::WeightFile) read.
///
/// A `.` in a name is written as `|`, as tch does. Tensors that share their data are written twice, so that a program
/// that loads them does not tie them by accident. An existing file is replaced atomically.
///
/// # Errors
/// [`Error::Input`] if a name is empty, repeated or contains a `|`, which would be read back as a dot; [`Error::Io`] if
/// the file cannot be written.
pub fn write_ot(path: impl AsRef<Path>, tensors: &[(&str, RawTensor<'_>)]) -> Result<()> {
    let mut files = Staged::default();
    stage_ot(&mut files, path.as_ref(), tensors)?;
    files.commit()
}

pub(in crate::weights) fn stage_ot(files: &mut Staged, path: &Path, tensors: &[(&str, RawTensor<'_>)]) -> Result<()> {
    check_names(tensors)?;
    if let Some((name, _)) = tensors.iter().find(|(name, _)| name.contains('|')) {
        let reason = format!("the name {name:?} contains a |, which .ot files use for dots; rename the tensor");
        return Err(Error::input("tensors", reason));
    }
    files.write(path, |file| {
        let mut archive = Archive::new(file);
        storages(&mut archive, tensors)?;
        archive.record("data.pkl", &module_pickle(tensors))?;
        archive.record("code/__torch__.py", source(tensors).as_bytes())?;
        // The class has no methods and so no constants: an empty tuple.
        archive.record("constants.pkl", b"\x80\x02).")?;
        archive.record("version", b"3\n")?;
        archive.record("byteorder", b"little")?;
        archive.finish()
    })
}

/// Write tensors as a `.bin` file, which `torch.load(..., weights_only=True)`, transformers and
/// [`WeightFile`](crate::weights::WeightFile) read.
///
/// Tensors that share their data are written twice. An existing file is replaced atomically.
///
/// # Errors
/// [`Error::Input`] if a name is empty or repeated; [`Error::Io`] if the file cannot be written.
pub fn write_bin(path: impl AsRef<Path>, tensors: &[(&str, RawTensor<'_>)]) -> Result<()> {
    let mut files = Staged::default();
    stage_bin(&mut files, path.as_ref(), tensors)?;
    files.commit()
}

pub(in crate::weights) fn stage_bin(files: &mut Staged, path: &Path, tensors: &[(&str, RawTensor<'_>)]) -> Result<()> {
    check_names(tensors)?;
    files.write(path, |file| {
        let mut archive = Archive::new(file);
        // `torch.load` reads this record first.
        archive.record("data.pkl", &dict_pickle(tensors))?;
        archive.record("byteorder", b"little")?;
        storages(&mut archive, tensors)?;
        archive.record("version", b"3\n")?;
        archive.finish()
    })
}

fn storages<W: Write>(archive: &mut Archive<'_, W>, tensors: &[(&str, RawTensor<'_>)]) -> io::Result<()> {
    tensors
        .iter()
        .enumerate()
        .try_for_each(|(number, (_, tensor))| archive.record(&format!("data/{number}"), tensor.data()))
}

/// Return the source of the module's class in `TorchScript`. A name need not be an identifier, so each is declared in
/// the quoted form that libtorch uses for other names.
fn source(tensors: &[(&str, RawTensor<'_>)]) -> String {
    let names: Vec<String> = tensors.iter().map(|(name, _)| quote(&stored_name(name))).collect();
    let mut source = format!("class Module(Module):\n  __parameters__ = [{}]\n", names.join(", "));
    source.push_str("  __buffers__ = []\n  __annotations__ = []\n");
    for name in names {
        // Writing to a string cannot fail.
        let _ = writeln!(source, "  __annotations__[{name}] = Tensor");
    }
    source
}

fn stored_name(name: &str) -> String {
    name.replace('.', "|")
}

/// Return a string literal of `TorchScript`, with bytes other than printable ASCII in octal.
fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', byte.into()]),
            b' '..=b'~' => quoted.push(byte.into()),
            _ => {
                let _ = write!(quoted, "\\{byte:03o}");
            }
        }
    }
    quoted.push('"');
    quoted
}

/// Return the pickle of the module: an object of the class with a dict of its attributes.
fn module_pickle(tensors: &[(&str, RawTensor<'_>)]) -> Vec<u8> {
    let mut out = b"\x80\x02c__torch__\nModule\n)\x81}(".to_vec();
    for (number, (name, tensor)) in tensors.iter().enumerate() {
        // libtorch refuses gradients of integers.
        push_tensor(&mut out, &stored_name(name), number, tensor, tensor.dtype().is_floating_point());
    }
    out.extend(b"ub.");
    out
}

/// Return the pickle of the dictionary.
fn dict_pickle(tensors: &[(&str, RawTensor<'_>)]) -> Vec<u8> {
    let mut out = b"\x80\x02ccollections\nOrderedDict\n)R(".to_vec();
    for (number, (name, tensor)) in tensors.iter().enumerate() {
        push_tensor(&mut out, name, number, tensor, false);
    }
    out.extend(b"u.");
    out
}

/// Append a name and the call that creates its tensor.
fn push_tensor(out: &mut Vec<u8>, name: &str, number: usize, tensor: &RawTensor<'_>, wants_gradient: bool) {
    let mut strides = vec![1; tensor.shape().len()];
    for dimension in (1..strides.len()).rev() {
        // libtorch counts a dimension without elements as one.
        strides[dimension - 1] = strides[dimension] * tensor.shape()[dimension].max(1);
    }
    push_string(out, name);
    out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
    push_string(out, "storage");
    out.extend(format!("ctorch\n{}\n", storage_name(tensor.dtype())).bytes());
    push_string(out, &number.to_string());
    push_string(out, "cpu");
    push_integer(out, tensor.data().len() / tensor.dtype().size());
    out.extend(b"tQ");
    push_integer(out, 0);
    for numbers in [tensor.shape(), &strides] {
        out.push(b'(');
        for &number in numbers {
            push_integer(out, number);
        }
        out.push(b't');
    }
    out.push(if wants_gradient { 0x88 } else { 0x89 });
    out.extend(b"ccollections\nOrderedDict\n)RtR");
}

fn push_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'X');
    // `check_name` has limited the length of names, so it fits 32 bits.
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.bytes());
}

fn push_integer(out: &mut Vec<u8>, number: usize) {
    if let Ok(number) = i32::try_from(number) {
        out.push(b'J');
        out.extend(number.to_le_bytes());
    } else {
        out.extend([0x8a, 8]);
        out.extend((number as u64).to_le_bytes());
    }
}

const fn storage_name(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::Float32 => "FloatStorage",
        Dtype::Float64 => "DoubleStorage",
        Dtype::Float16 => "HalfStorage",
        Dtype::BFloat16 => "BFloat16Storage",
        Dtype::Int64 => "LongStorage",
        Dtype::Int32 => "IntStorage",
        Dtype::Int16 => "ShortStorage",
        Dtype::Int8 => "CharStorage",
        Dtype::UInt8 => "ByteStorage",
        Dtype::Bool => "BoolStorage",
    }
}

/// A zip archive that is written front to back.
pub(super) struct Archive<'a, W: Write> {
    file: &'a mut W,
    /// Bytes written.
    position: u64,
    /// The list of entries, which comes last.
    directory: Vec<u8>,
    entries: u64,
}

impl<'a, W: Write> Archive<'a, W> {
    pub(super) const fn new(file: &'a mut W) -> Self {
        Self { file, position: 0, directory: vec![], entries: 0 }
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    /// Add a stored, aligned entry.
    pub(super) fn record(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let name = format!("{PREFIX}{name}");
        let (start, size) = (self.position, content.len() as u64);
        let checksum = crc32(content).map_err(io::Error::other)?;
        let mut local_extra = vec![];
        if size >= u64::from(SEE_ZIP64) {
            local_extra.extend(extra_field(ZIP64_EXTRA, &[size.to_le_bytes(), size.to_le_bytes()].concat()));
        }
        let unpadded = start + 30 + (name.len() + local_extra.len() + 4) as u64;
        let padding = unpadded.next_multiple_of(ALIGNMENT) - unpadded;
        local_extra.extend(extra_field(PADDING_EXTRA, &vec![b'Z'; padding as usize]));

        let wide: Vec<u8> =
            [size, size, start].iter().filter(|&&n| n >= u64::from(SEE_ZIP64)).flat_map(|n| n.to_le_bytes()).collect();
        let central_extra = if wide.is_empty() { vec![] } else { extra_field(ZIP64_EXTRA, &wide) };

        // The fields that both headers share, from the version that a reader needs to the length of the name.
        let mut common = vec![];
        for number in [ZIP_VERSION, FLAGS, 0, 0, DATE] {
            common.extend(number.to_le_bytes());
        }
        for number in [checksum, clamp(size), clamp(size)] {
            common.extend(number.to_le_bytes());
        }
        common.extend((name.len() as u16).to_le_bytes());

        let local = [
            &LOCAL_SIGNATURE.to_le_bytes()[..],
            &common,
            &(local_extra.len() as u16).to_le_bytes(),
            name.as_bytes(),
            &local_extra,
        ];
        self.put(&local.concat())?;
        self.put(content)?;

        let central = [
            &CENTRAL_SIGNATURE.to_le_bytes()[..],
            &ZIP_VERSION.to_le_bytes(),
            &common,
            &(central_extra.len() as u16).to_le_bytes(),
            // The length of the comment, the disk and the attributes are 0.
            &[0; 10],
            &clamp(start).to_le_bytes(),
            name.as_bytes(),
            &central_extra,
        ];
        self.directory.extend(central.concat());
        self.entries += 1;
        Ok(())
    }

    /// Write the list of entries and both end records.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let (start, size) = (self.position, self.directory.len() as u64);
        let end64_start = start + size;
        let mut tail = std::mem::take(&mut self.directory);
        tail.extend(END64_SIGNATURE.to_le_bytes());
        tail.extend(44_u64.to_le_bytes());
        tail.extend(ZIP_VERSION.to_le_bytes());
        tail.extend(ZIP_VERSION.to_le_bytes());
        // The two disk numbers are 0.
        tail.extend([0; 8]);
        for number in [self.entries, self.entries, size, start] {
            tail.extend(number.to_le_bytes());
        }
        tail.extend(LOCATOR64_SIGNATURE.to_le_bytes());
        tail.extend(0_u32.to_le_bytes());
        tail.extend(end64_start.to_le_bytes());
        tail.extend(1_u32.to_le_bytes());
        tail.extend(END_SIGNATURE.to_le_bytes());
        tail.extend(0_u32.to_le_bytes());
        let entries = u16::try_from(self.entries).unwrap_or(u16::MAX);
        tail.extend(entries.to_le_bytes());
        tail.extend(entries.to_le_bytes());
        tail.extend(clamp(size).to_le_bytes());
        tail.extend(clamp(start).to_le_bytes());
        // The length of the comment is 0.
        tail.extend(0_u16.to_le_bytes());
        self.put(&tail)
    }
}

fn extra_field(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes()[..], &(content.len() as u16).to_le_bytes(), content].concat()
}

/// Return a number for a 32-bit field, or the reference to the zip64 record if the number does not fit.
fn clamp(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(SEE_ZIP64)
}
