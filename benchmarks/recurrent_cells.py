"""Milliseconds that a recurrent layer takes, by cell, rows and steps.

    python benchmarks/recurrent_cells.py [--repeats 20] [--threads 1] [--double]

A layer of 64 units over 16 values a step: forward and backward pass, and the forward
pass alone in brackets. The last column is torch's packed LSTM, on sequences of a third
to all of the steps; all others have all steps. Medians.
"""

import argparse
import time

import numpy as np
import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from sklearn_dl.modules import RecurrentNetwork

CELLS = ("rnn", "gru", "simplified_gru", "lstm")
N_INPUTS, N_UNITS = 16, 64


def milliseconds(run, repeats):
    """Return the median of a function's time."""
    seconds = []
    for _ in range(repeats + 2):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return 1000 * float(np.median(seconds[2:]))


def both_ways(layer, x):
    """Return functions that go forward and back, and forward alone."""

    def forward():
        states, _ = layer(x)
        return states.data if isinstance(states, PackedSequence) else states

    def there_and_back():
        layer.zero_grad()
        forward().sum().backward()

    def alone():
        with torch.inference_mode():
            forward()

    return there_and_back, alone


def packed(n_rows, n_steps, dtype):
    """Return packed sequences of a third to all of the steps."""
    lengths = torch.linspace(n_steps // 3, n_steps, n_rows).long()
    x = torch.randn(n_rows, n_steps, N_INPUTS, dtype=dtype)
    return pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--double", action="store_true", help="float64, not float32")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    dtype = torch.float64 if options.double else torch.float32
    print(f"torch {torch.__version__}, {options.threads} threads, {dtype}")
    print("rows x steps", *CELLS, "lstm, packed", sep="   ")
    for n_rows, n_steps in ((32, 30), (200, 30), (32, 200), (200, 200)):
        cells = []
        for cell in (*CELLS, "packed"):
            torch.manual_seed(0)
            kind = "lstm" if cell == "packed" else cell
            network = RecurrentNetwork(N_INPUTS, 1, cell=kind, hidden_size=N_UNITS)
            layer = network.layers[0].onward.to(dtype)
            x = torch.randn(n_rows, n_steps, N_INPUTS, dtype=dtype)
            if cell == "packed":
                x = packed(n_rows, n_steps, dtype)
            both, forward = (
                milliseconds(run, options.repeats) for run in both_ways(layer, x)
            )
            cells.append(f"{both:.1f} ({forward:.1f})")
        print(f"{n_rows} x {n_steps}", *cells, sep="   ", flush=True)


if __name__ == "__main__":
    main()
