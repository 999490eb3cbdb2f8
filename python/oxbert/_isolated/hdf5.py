"""The child of `oxbert._hdf5`: an HDF5 file of Keras weights -> safetensors. Imports nothing of oxbert.

What is wrong with the file is the last line of standard error.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import h5py
import numpy

# By numpy's name of a dtype, little-endian.
DTYPES = {"float16": "F16", "float32": "F32", "float64": "F64", "int32": "I32", "int64": "I64", "int8": "I8"}


def main(path: str, target: str) -> None:
    """Copy the tensors one after the other, so that the largest of them is all that is in memory."""
    with h5py.File(path, "r") as file:
        datasets: dict[str, Any] = {}

        def collect(place: str, found: Any) -> None:
            if isinstance(found, h5py.Dataset):
                # The first group is a layer; one that uses tensors of another has copies of them.
                name = place.partition("/")[2] or place
                first = datasets.setdefault(name, check(place, found))
                if first != found and (first.dtype != found.dtype or not numpy.array_equal(first, found)):
                    raise ValueError(f"two tensors have the name {name!r}")

        # Links to other places and other files are not followed.
        file.visititems(collect)
        if not datasets:
            raise ValueError("it holds no tensor")
        write(target, datasets)


def check(place: str, found: Any) -> Any:
    """Refuse what Keras never writes: it may be larger than the file, or lie in another one."""
    if found.dtype.name not in DTYPES or found.dtype.byteorder == ">":
        raise ValueError(f"tensor {place!r} has the dtype {found.dtype}, expected one of {', '.join(DTYPES)}")
    if found.external or found.is_virtual:
        raise ValueError(f"tensor {place!r} lies in another file")
    if found.id.get_storage_size() != found.nbytes:
        raise ValueError(f"tensor {place!r} is compressed or incomplete")
    return found


def write(target: str, datasets: dict[str, Any]) -> None:
    """Write a header with the place of each tensor, and then the tensors."""
    header, end = {}, 0
    for name, dataset in datasets.items():
        start, end = end, end + dataset.nbytes
        header[name] = {"dtype": DTYPES[dataset.dtype.name], "shape": dataset.shape, "data_offsets": (start, end)}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(target, "xb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for dataset in datasets.values():
            file.write(dataset[()].tobytes())


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception as error:
        # Whatever the library raises, it is the file that is to blame.
        print(" ".join(f"{error}".split()) or type(error).__name__, file=sys.stderr)
        os._exit(1)
