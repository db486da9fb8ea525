"""Keras as its tutorials use it: one run, model.fit on arrays in memory. TensorFlow is below it."""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow

from .models import BATCH_SIZE, CLIP_NORM, LEARNING_RATE
from .problem import Problem

# Keras has the gates of a GRU in the order z, r, n.
KERAS_GATES = {"lstm": (0, 1, 2, 3), "gru": (1, 0, 2)}


def set_threads(cores: int) -> None:
    tensorflow.config.threading.set_intra_op_parallelism_threads(cores)
    tensorflow.config.threading.set_inter_op_parallelism_threads(cores)


def version() -> str:
    return f"Keras {keras.__version__} on TensorFlow {tensorflow.__version__}"


def keras_weights(problem: Problem, number: int) -> list[np.ndarray]:
    """Return one layer's kernel [I, GH], recurrent kernel [H, GH] and bias, of seed 0."""
    ordered = []
    for tensor in problem.layer(number).values():
        gates = np.split(tensor[0], len(KERAS_GATES[problem.cell]))
        ordered.append(np.concatenate([gates[gate] for gate in KERAS_GATES[problem.cell]]))
    kernel, recurrent_kernel, *biases = ordered
    bias = np.stack(biases) if len(biases) == 2 else biases[0]
    return [kernel.T, recurrent_kernel.T, bias]


def network(problem: Problem) -> keras.Model:
    output_weight = problem.weights["output.weight"][0]  # [O, H]
    kind = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}[problem.cell]
    every_step = problem.targets.ndim == 2
    layers = [
        kind(output_weight.shape[1], return_sequences=every_step or number + 1 < problem.layers)
        for number in range(problem.layers)
    ]
    output = keras.layers.Dense(output_weight.shape[0])
    model = keras.Sequential([keras.Input(problem.samples.shape[1:]), *layers, output])
    for number, layer in enumerate(layers):
        layer.set_weights(keras_weights(problem, number))
    output.set_weights([output_weight.T, problem.weights["output.bias"][0]])
    return model


class Fit:
    """model.fit, without shuffling: the batches are those of seed 0."""

    def __init__(self, problem: Problem, runs: int):
        self.runs = 1
        self.model = network(problem)
        self.model.compile(
            optimizer=keras.optimizers.SGD(LEARNING_RATE, global_clipnorm=CLIP_NORM),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        self.problem = problem
        self.step = 0

    def fit(self, steps: int) -> float:
        """Train on the next batches, which repeat; return their mean loss."""
        batches = self.problem.batches[:, 0]
        order = batches[(self.step + np.arange(steps)) % len(batches)].flatten()
        self.step += steps
        history = self.model.fit(
            self.problem.samples[order],
            self.problem.targets[order],
            batch_size=BATCH_SIZE,
            shuffle=False,
            verbose=0,
        )
        return history.history["loss"][0]

    def train(self, steps: int) -> None:
        self.fit(steps)

    def losses(self, steps: int) -> list[list[float]]:
        return [[self.fit(1)] for _ in range(steps)]


METHODS = {"Keras fit": Fit}
