"""Compute the gradients of a trace's probes in PyTorch, in double.

    clipsweep trace --clip none --task adding --probe-at 0,3 --steps 5 > trace.json
    python tests/replay_probe.py trace.json gradients.npz

Trains the run as replay_trace.py does, and at each probe computes the gradient of each of its
batches. The archive has for each probe an array `after_STEP` of shape [K, P], with the parameters in
the order of the trace. For runs without clipping of generated tasks. Exit code 77: there is no PyTorch.
"""

import json
import sys
from pathlib import Path

import numpy as np
from replay_trace import Network, optimizer_of, samples, take_step, torch


def batch_of(batch):
    inputs, targets = samples(batch, None, None)
    return inputs.double(), targets.double() if targets.is_floating_point() else targets


def gradient(network, parameters, batch):
    """Return the gradient of the mean loss, all parameters in one row."""
    network.state = None
    network.zero_grad()
    network.loss(*batch_of(batch)).backward()
    return np.concatenate([parameter.grad.numpy().ravel() for parameter in parameters])


def main():
    trace = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    torch.set_num_threads(1)
    network = Network(trace).double()
    parameters = list(network.by_name.values())
    optimizer = optimizer_of(trace["settings"], parameters)
    probes = {probe["step"]: probe["batches"] for probe in trace["probes"]}
    arrays = {}
    for step in range(len(trace["batches"]) + 1):
        if step in probes:
            rows = [gradient(network, parameters, batch) for batch in probes[step]]
            arrays[f"after_{step}"] = np.stack(rows)
        if step < len(trace["batches"]):
            gradient(network, parameters, trace["batches"][step])
            take_step(optimizer, parameters, trace["settings"], None)
    np.savez(sys.argv[2], **arrays)


if __name__ == "__main__":
    main()
