"""Convert an HDF5 file of Keras weights to safetensors, in the child process of `oxbert._hdf5`.

This program imports nothing of oxbert. Its last line on standard error says what is wrong with the file.
On standard output it prints the number of bytes that it has written.
"""

from __future__ import annotations

import io
import json
import os
import sys
from typing import Any

import h5py
import numpy

# numpy's name of a little-endian dtype -> the name in safetensors.
DTYPES = {"float16": "F16", "float32": "F32", "float64": "F64", "int32": "I32", "int64": "I64", "int8": "I8"}

# Deeper than any model. The time to open a group grows with the length of its path.
MAX_DEPTH = 64

# The exit status if the target cannot be written.
UNWRITABLE = 3


def main(path: str, target: str) -> None:
    """Copy the tensors one after the other, so that only one of them is in memory."""
    with h5py.File(path, "r") as file:
        datasets: dict[str, Any] = {}
        left = os.path.getsize(path)

        def collect(place: Any, found: Any) -> None:
            nonlocal left
            if not isinstance(place, str):
                raise ValueError(f"expected names in UTF-8, got {place!r}, which is not UTF-8")
            if place.count("/") > MAX_DEPTH:
                raise ValueError(f"its groups are nested more than {MAX_DEPTH} deep")
            if isinstance(found, h5py.Dataset):
                left -= check(place, found).nbytes
                # Tensors that share bytes would let a small file claim much content.
                if left < 0:
                    raise ValueError("its tensors claim more bytes than it has")
                # The first group is a layer, and a layer that shares tensors with another has copies of them.
                name = place.partition("/")[2] or place
                first = datasets.setdefault(name, found)
                if first != found and (first.dtype != found.dtype or not numpy.array_equal(first, found)):
                    raise ValueError(f"two tensors have the name {name!r}")

        # `visititems` does not follow links to other places and files.
        file.visititems(collect)
        if not datasets:
            raise ValueError("it holds no tensor")
        write(target, datasets)


def check(place: str, found: Any) -> Any:
    """Refuse a dataset that Keras never writes: it may be larger than the file, or refer to another file."""
    if found.shape is None:
        raise ValueError(f"tensor {place!r} has no shape")
    if found.dtype.name not in DTYPES or found.dtype.byteorder == ">":
        raise ValueError(f"tensor {place!r} has the dtype {found.dtype}, expected one of {', '.join(DTYPES)}")
    if found.external or found.is_virtual:
        raise ValueError(f"tensor {place!r} lies in another file")
    # A chunk may be compressed, and the size of its content is then only a claim.
    if found.chunks is not None or found.id.get_storage_size() != found.nbytes:
        raise ValueError(f"tensor {place!r} is compressed, in pieces, or incomplete")
    return found


def write(target: str, datasets: dict[str, Any]) -> None:
    """Write a header with the offsets of each tensor, and then the tensors."""
    header, end = {}, 0
    for name, dataset in datasets.items():
        start, end = end, end + dataset.nbytes
        header[name] = {"dtype": DTYPES[dataset.dtype.name], "shape": dataset.shape, "data_offsets": (start, end)}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(target, "xb", buffering=0) as file:
        put(file, len(text).to_bytes(8, "little") + text)
        for dataset in datasets.values():
            put(file, dataset[()].tobytes())
    # The size of the whole file, by which the parent recognises it.
    print(8 + len(text) + end, end="")


class UnwritableError(Exception):
    """Signal that the target cannot be written; the message is the number and the text of the system's error."""


def put(file: io.FileIO, data: bytes) -> None:
    """Write all of the data."""
    left = memoryview(data)
    while left:
        try:
            left = left[file.write(left) or 0 :]
        except OSError as error:
            raise UnwritableError(f"{error.errno} {error.strerror}") from None


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except UnwritableError as error:
        print(error, file=sys.stderr)
        os._exit(UNWRITABLE)
    except Exception as error:
        # The library may raise anything about a bad file.
        print(" ".join(f"{error}".split()) or type(error).__name__, file=sys.stderr)
        os._exit(1)
