"""PyTorch: a loop over torch.nn.LSTM or GRU, and many runs at once by torch.func.vmap, compiled."""

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from .models import CLIP_NORM, LEARNING_RATE
from .problem import SEEDS, Problem


def set_threads(cores: int) -> None:
    torch.set_num_threads(cores)


def version() -> str:
    return f"PyTorch {torch.__version__.partition('+')[0]}"


class Network(torch.nn.Module):
    """Recurrent layers and an output layer with the initial weights of seed 0."""

    def __init__(self, problem: Problem):
        super().__init__()
        weight = problem.weights["output.weight"][0]  # [O, H]
        kind = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[problem.cell]
        inputs = problem.samples.shape[2]
        self.recurrent = kind(inputs, weight.shape[1], problem.layers, batch_first=True)
        self.output = torch.nn.Linear(*weight.shape[::-1])
        self.every_step = problem.targets.ndim == 2
        for number in range(problem.layers):
            self.copy_layer(number, problem.layer(number))
        with torch.no_grad():
            self.output.weight.copy_(torch.from_numpy(weight))
            self.output.bias.copy_(torch.from_numpy(problem.weights["output.bias"][0]))

    @torch.no_grad()
    def copy_layer(self, number: int, tensors: dict[str, np.ndarray]) -> None:
        for name, tensor in tensors.items():
            # clipsweep's LSTM has one bias vector, PyTorch's two that are only ever added up.
            own = "bias_ih" if name == "bias" else name
            getattr(self.recurrent, f"{own}_l{number}").copy_(torch.from_numpy(tensor[0]))
            if name == "bias":
                bias = getattr(self.recurrent, f"bias_hh_l{number}")
                bias.zero_().requires_grad_(False)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return logits [B, O] or [B, T, O] of inputs [B, T, I]."""
        states, _ = self.recurrent(inputs)
        return self.output(states if self.every_step else states[:, -1])


class Loop:
    """The usual loop: one run, eager, with a thread per core."""

    def __init__(self, problem: Problem, runs: int):
        self.runs = 1
        self.network = Network(problem)
        self.parameters = [each for each in self.network.parameters() if each.requires_grad]
        self.optimizer = torch.optim.SGD(self.parameters, lr=LEARNING_RATE)
        batches = torch.from_numpy(problem.batches[:, 0])  # [K, B]
        self.inputs = torch.from_numpy(problem.samples)[batches]
        self.targets = torch.from_numpy(problem.targets).long()[batches]
        self.step = 0

    def train_one(self) -> torch.Tensor:
        inputs, targets = self.inputs[self.step], self.targets[self.step]
        self.step = (self.step + 1) % len(self.inputs)
        self.optimizer.zero_grad()
        loss = cross_entropy(self.network(inputs).flatten(0, -2), targets.flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, CLIP_NORM)
        self.optimizer.step()
        return loss

    def train(self, steps: int) -> None:
        for _ in range(steps):
            self.train_one()

    def losses(self, steps: int) -> list[list[float]]:
        """Return the losses of the next steps, [steps][1]."""
        return [[self.train_one().item()] for _ in range(steps)]


class LoopOnOneThread(Loop):
    """The same with one thread, which is faster for small networks."""

    def train(self, steps: int) -> None:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        super().train(steps)
        torch.set_num_threads(threads)


def lstm_states(inputs, weight_ih, weight_hh, bias):
    """Return the states [B, T, H] of one layer of one run for inputs [B, T, I]."""
    hidden = weight_hh.shape[1]
    h = c = inputs.new_zeros(inputs.shape[0], hidden)
    states = []
    for x in (inputs @ weight_ih.T + bias).unbind(1):
        i, f, g, o = (x + h @ weight_hh.T).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        states.append(h)
    return torch.stack(states, 1)


def gru_states(inputs, weight_ih, weight_hh, bias_ih, bias_hh):
    hidden = weight_hh.shape[1]
    h = inputs.new_zeros(inputs.shape[0], hidden)
    states = []
    for x in (inputs @ weight_ih.T + bias_ih).unbind(1):
        (x_r, x_z, x_n), (u_r, u_z, u_n) = x.chunk(3, -1), (h @ weight_hh.T + bias_hh).chunk(3, -1)
        z = torch.sigmoid(x_z + u_z)
        n = torch.tanh(x_n + torch.sigmoid(x_r + u_r) * u_n)
        h = (1 - z) * n + z * h
        states.append(h)
    return torch.stack(states, 1)


LAYERS = {"lstm": lstm_states, "gru": gru_states}


class Vmap:
    """Many runs at once: torch.func.vmap over the gradient of one run, and torch.compile."""

    def __init__(self, problem: Problem, runs: int):
        self.runs = runs
        self.cell = problem.cell
        self.tensors_per_layer = len(problem.layer(0))
        # One flat list of tensors [R, ...]: those of each layer, then the output layer's.
        tensors = [
            tensor for number in range(problem.layers) for tensor in problem.layer(number).values()
        ]
        tensors += [problem.weights["output.weight"], problem.weights["output.bias"]]
        self.weights = [torch.from_numpy(problem.of_runs(tensor, runs)) for tensor in tensors]
        self.samples = torch.from_numpy(problem.samples)
        self.targets = torch.from_numpy(problem.targets).long()
        self.batches = torch.from_numpy(problem.of_runs(problem.batches, runs, axis=1))  # [K, R, B]
        self.step = 0
        self.update = torch.compile(self.updated)

    def loss(self, weights, inputs, targets):
        """Return the loss of one run."""
        *recurrent, output_weight, output_bias = weights
        states = inputs
        for first in range(0, len(recurrent), self.tensors_per_layer):
            layer = recurrent[first : first + self.tensors_per_layer]
            states = LAYERS[self.cell](states, *layer)
        states = states if targets.dim() == 2 else states[:, -1]
        logits = states @ output_weight.T + output_bias
        return cross_entropy(logits.flatten(0, -2), targets.flatten())

    def updated(self, weights, batch):
        """Return the weights after one step, and the losses [R]."""
        inputs, targets = self.samples[batch], self.targets[batch]
        of_run = torch.func.grad_and_value(self.loss)
        gradients, losses = torch.func.vmap(of_run)(weights, inputs, targets)
        norms = sum(gradient.flatten(1).square().sum(1) for gradient in gradients).sqrt()
        scale = -LEARNING_RATE * (CLIP_NORM / norms).clamp(max=1)
        steps = [
            weight + gradient * scale.view(-1, *[1] * (gradient.dim() - 1))
            for weight, gradient in zip(weights, gradients)
        ]
        return steps, losses

    def train_one(self) -> torch.Tensor:
        with torch.no_grad():
            self.weights, losses = self.update(self.weights, self.batches[self.step])
        self.step = (self.step + 1) % len(self.batches)
        return losses

    def train(self, steps: int) -> None:
        for _ in range(steps):
            self.train_one()

    def losses(self, steps: int) -> list[list[float]]:
        """Return the losses of the next steps, [steps][S]."""
        return [self.train_one()[:SEEDS].tolist() for _ in range(steps)]


METHODS = {
    "PyTorch loop": Loop,
    "PyTorch loop, one thread": LoopOnOneThread,
    "PyTorch vmap, compiled": Vmap,
}
