"""Write `transformers/electra_pre_training_2.8`: the values of `electra_pre_training`, saved by transformers 2.8.

The files on the model hub come from that version. Names are those of version 4, but attributes are stored differently.
Run the script after `make_transformers.py`, with Python 3.7; README.md lists the required versions.

    python make_transformers_2.py
"""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import shutil
from pathlib import Path

import h5py
import numpy as np
import transformers

FOLDER = Path(__file__).parent / "transformers"
SOURCE = FOLDER / "electra_pre_training"
TARGET = FOLDER / "electra_pre_training_2.8"


def read(path: Path) -> "dict[str, np.ndarray]":
    values = {}
    with h5py.File(str(path), "r") as file:
        for group in file.values():
            group.visititems(
                lambda name, item: values.update({name: item[()]} if isinstance(item, h5py.Dataset) else {})
            )
    return values


def main() -> None:
    config = transformers.ElectraConfig.from_pretrained(str(SOURCE))
    model = transformers.TFElectraForPreTraining(config)
    model(np.array([[1, 2, 3]]))
    values = read(SOURCE / "tf_model.h5")
    for variable in model.weights:
        variable.assign(values.pop(variable.name))
    assert not values, values.keys()

    shutil.rmtree(str(TARGET), ignore_errors=True)
    TARGET.mkdir()
    model.save_pretrained(str(TARGET))


if __name__ == "__main__":
    main()
