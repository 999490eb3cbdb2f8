"""Run the snippet of ELECTRA's model card: print 1 below each token that the discriminator detects as replaced, else 0.

    python examples/model_card.py [--model DIR]

Only the import line and the model's name differ from the card.
"""

import argparse

import torch

from oxbert.modelcard import ElectraForPreTraining, ElectraTokenizerFast

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--model", default="electra-tiny-discriminator", metavar="DIR")
model = parser.parse_args().model

discriminator = ElectraForPreTraining.from_pretrained(model)
tokenizer = ElectraTokenizerFast.from_pretrained(model)

sentence = "The quick brown fox jumps over the lazy dog"
fake_sentence = "The quick brown fox fake over the lazy dog"

fake_tokens = tokenizer.tokenize(fake_sentence)
fake_inputs = tokenizer.encode(fake_sentence, return_tensors="pt")
discriminator_outputs = discriminator(fake_inputs)
predictions = torch.round((torch.sign(discriminator_outputs[0]) + 1) / 2)

[print("%7s" % token, end="") for token in fake_tokens]
print()
[print("%7s" % int(prediction), end="") for prediction in predictions.tolist()]
print()
