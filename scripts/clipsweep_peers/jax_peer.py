"""JAX: many runs at once, vmap over the gradient of one run, scan over its time steps, jit."""

import jax
import jax.numpy as jnp
import numpy as np

from .models import CLIP_NORM, LEARNING_RATE
from .problem import SEEDS, Problem


def set_threads(cores: int) -> None:
    """Do nothing: XLA starts a thread for each core that the process may use."""


def version() -> str:
    return f"JAX {jax.__version__}"


def lstm_step(weights, state, x):
    _, weight_hh, _ = weights
    h, c = state
    i, f, g, o = jnp.split(x + h @ weight_hh.T, 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return (h, c), h


def gru_step(weights, state, x):
    _, weight_hh, _, bias_hh = weights
    h, c = state
    x_r, x_z, x_n = jnp.split(x, 3, axis=-1)
    u_r, u_z, u_n = jnp.split(h @ weight_hh.T + bias_hh, 3, axis=-1)
    z = jax.nn.sigmoid(x_z + u_z)
    n = jnp.tanh(x_n + jax.nn.sigmoid(x_r + u_r) * u_n)
    h = (1 - z) * n + z * h
    return (h, c), h


STEPS = {"lstm": lstm_step, "gru": gru_step}


def layer_states(step, weights, inputs):
    """Return the states [T, B, H] of one layer of one run for inputs [T, B, I]."""
    weight_ih, weight_hh, bias = weights[:3]
    zeros = jnp.zeros((inputs.shape[1], weight_hh.shape[1]))
    from_inputs = inputs @ weight_ih.T + bias
    _, states = jax.lax.scan(lambda state, x: step(weights, state, x), (zeros, zeros), from_inputs)
    return states


def loss_of(cell, weights, inputs, targets):
    """Return the loss of one run on inputs [B, T, I]."""
    *layers, (output_weight, output_bias) = weights
    states = inputs.swapaxes(0, 1)
    for layer in layers:
        states = layer_states(STEPS[cell], layer, states)
    states = states.swapaxes(0, 1) if targets.ndim == 2 else states[-1]
    log_p = jax.nn.log_softmax(states @ output_weight.T + output_bias)
    return -jnp.take_along_axis(log_p, targets[..., None], axis=-1).mean()


class VmapScan:
    """Many runs at once; their weights are updated in place."""

    def __init__(self, problem: Problem, runs: int):
        self.runs = runs
        tensors = [tuple(problem.layer(number).values()) for number in range(problem.layers)]
        tensors.append((problem.weights["output.weight"], problem.weights["output.bias"]))
        self.weights = jax.tree.map(lambda each: jnp.asarray(problem.of_runs(each, runs)), tensors)
        self.data = (jnp.asarray(problem.samples), jnp.asarray(problem.targets))
        self.batches = jnp.asarray(problem.of_runs(problem.batches, runs, axis=1))  # [K, R, B]
        self.step = 0
        cell = problem.cell

        def of_run(weights, inputs, targets):
            loss, gradients = jax.value_and_grad(loss_of, argnums=1)(cell, weights, inputs, targets)
            norm = jnp.sqrt(sum(jnp.square(each).sum() for each in jax.tree.leaves(gradients)))
            scale = LEARNING_RATE * jnp.minimum(CLIP_NORM / norm, 1)
            return jax.tree.map(lambda w, g: w - scale * g, weights, gradients), loss

        def update(weights, data, batch):
            samples, targets = data
            return jax.vmap(of_run)(weights, samples[batch], targets[batch])

        self.update = jax.jit(update, donate_argnums=0)

    def train_one(self) -> jax.Array:
        self.weights, losses = self.update(self.weights, self.data, self.batches[self.step])
        self.step = (self.step + 1) % len(self.batches)
        return losses

    def train(self, steps: int) -> None:
        for _ in range(steps):
            losses = self.train_one()
        losses.block_until_ready()

    def losses(self, steps: int) -> list[list[float]]:
        """Return the losses of the next steps, [steps][S]."""
        return [np.asarray(self.train_one())[:SEEDS].tolist() for _ in range(steps)]


METHODS = {"JAX vmap + scan": VmapScan}
