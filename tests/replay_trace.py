"""Replay a trace of clipsweep in PyTorch and compare every step.

    clipsweep trace --clip value:0.1 --steps 100 > trace.json
    python tests/replay_trace.py trace.json

The trace gives the initial weights and which samples each step sees; everything else is PyTorch's
own here: torch.nn.LSTM, GRU or RNN, the loss, the gradient, clipping, the optimizer. Images are read
from the IDX files, and sequences from an .npz file, by other code than clipsweep's; the samples of generated tasks are in the trace. A
step's numbers depend on all updates before it, so agreement at the last step speaks for all of them.

Prints the largest relative error of each number. With - in place of a file it takes the names of
files from standard input, a line each, a tab and another --data behind some, and ends each answer
with "exit CODE": loading PyTorch takes longer than a replay. Exit codes: 0 all within the tolerance,
1 not, 2 usage, 77 there is no PyTorch in this Python.
"""

import argparse
import copy
import functools
import gzip
import itertools
import json
import math
import sys
from pathlib import Path

try:
    import numpy as np
    import torch
except ImportError as error:
    print(f"replay_trace: {error}; run it with a Python that has PyTorch", file=sys.stderr)
    sys.exit(77)

FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
COMPARED = ("loss", "omega", "grad_norm_raw", "grad_norm_clipped", "scheduled_learning_rate")
MEASURED = ("smoothness", "sharpness")
# Of what clipsweep takes from differences of gradients in float32; here it is exact, in double.
MEASURED_TOLERANCE = 0.005

EACH_STEP = ("copy", "text", "markov", "reber")
IGNORED = -100  # the label of a time step that does not count
LAYERS = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}  # a plain cell is torch.nn.RNN
RNN_TENSORS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")  # of each layer of torch.nn.RNN


class Network(torch.nn.Module):
    """A trace's network, its parameters under the names that the trace uses."""

    def __init__(self, trace):
        super().__init__()
        initial, settings = trace["initial"], trace["settings"]
        cell = settings["cell"]
        prefix = cell.split("-")[0]  # rnn-tanh, rnn-relu: rnn
        inputs = len(initial[f"{prefix}.weight_ih"][0])
        self.each_step = settings["task"] in EACH_STEP
        self.state = None  # that the next sequences begin with; None: zeros
        self.lengths = None  # [B] of the sequences of the batch; None: all T
        options = {"num_layers": settings["layers"], "batch_first": True}
        if prefix == "rnn":
            options["nonlinearity"] = cell.split("-")[1]
        self.layers = LAYERS.get(prefix, torch.nn.RNN)(inputs, settings["hidden"], **options)
        self.omega = None  # what watches the layers, if anything
        self.output = torch.nn.Linear(settings["hidden"], len(initial["output.bias"]))
        self.by_name = {}
        for name, values in initial.items():
            layers, tensor = name.split(".")
            if layers == "output":
                parameter = getattr(self.output, tensor)
            else:
                # clipsweep's LSTM and plain cells have one bias vector, PyTorch's two that are only
                # ever added up.
                kind, _, layer = tensor.partition("_l")
                kind = "bias_ih" if kind == "bias" else kind
                parameter = getattr(self.layers, f"{kind}_l{layer or 0}")
            self.by_name[name] = parameter
            with torch.no_grad():
                parameter.copy_(torch.tensor(values))
        ours = {id(parameter) for parameter in self.by_name.values()}
        for parameter in self.parameters():
            if id(parameter) not in ours:
                torch.nn.init.zeros_(parameter).requires_grad_(False)

    def forward(self, inputs):
        """Return the outputs [B, O] after the last of the inputs [B, T, I], or [B, T, O]."""
        if self.lengths is not None:
            return self.output_of_packed(inputs)
        run_layers = self.omega.run_layers if self.omega else self.layers
        states, last = run_layers(inputs, self.state)
        self.state = tuple(state.detach() for state in last) if isinstance(last, tuple) else last.detach()
        return self.output(states if self.each_step else states[:, -1])

    def output_of_packed(self, inputs):
        """Return the same where the sequences differ in length."""
        rnn = torch.nn.utils.rnn
        packed = rnn.pack_padded_sequence(inputs, self.lengths, batch_first=True, enforce_sorted=False)
        states, _ = rnn.pad_packed_sequence(self.layers(packed)[0], batch_first=True)
        return self.output(states if self.each_step else states[range(len(states)), self.lengths - 1])

    def loss(self, inputs, targets):
        """Return the mean loss: of classes [B] or [B, T], or of numbers [B] or [B, K]."""
        outputs = self(inputs)
        if targets.is_floating_point():
            return torch.nn.functional.mse_loss(outputs, targets.view_as(outputs))
        if self.each_step and self.lengths is not None:
            targets = targets[:, : outputs.shape[1]].clone()
            for sequence, length in zip(targets, self.lengths):
                sequence[length:] = IGNORED
        return torch.nn.functional.cross_entropy(
            outputs.flatten(0, -2), targets.flatten(), ignore_index=IGNORED
        )


TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(folder, name):
    """Return the array in an IDX file, gzipped or not."""
    packed, plain = folder / f"{name}.gz", folder / name
    content = gzip.decompress(packed.read_bytes()) if packed.exists() else plain.read_bytes()
    rank = content[3]
    shape = np.frombuffer(content, ">u4", rank, offset=4)
    return np.frombuffer(content, TYPES[content[2]], offset=4 + 4 * rank).reshape(shape)


def pixel_values(images):
    """Return images as a network sees them: whole numbers divided, numbers with a fraction as they are."""
    if images.dtype.kind == "f":
        return images.astype(np.float32)
    largest = 255 if images.dtype == np.uint8 else np.abs(images.astype(np.int64)).max()
    return images.astype(np.float32) / np.float32(largest)


def read_images(folder, read_columns):
    """Return the training images [N, T, I] and the numbers of their classes [N]."""
    images = pixel_values(read_idx(folder, "train-images-idx3-ubyte"))
    if read_columns:
        images = images.swapaxes(1, 2)
    labels = read_idx(folder, "train-labels-idx1-ubyte")
    labels = labels if labels.ndim == 1 else labels[:, 0]  # QMNIST's first column
    return images.reshape(*images.shape[:2], -1), np.unique(labels, return_inverse=True)[1]


def norm_of(tensors):
    """Return the Euclidean norm of all tensors together, in double."""
    return math.sqrt(sum(float(tensor.double().square().sum()) for tensor in tensors))


def clip(parameters, settings, threshold, memory):
    """Clip the gradients in place, with PyTorch's own function where it has one.

    `memory` is what an adaptive mode keeps from step to step. Settings at their default are absent.
    """
    mode = settings["mode"]
    if mode == "value":
        torch.nn.utils.clip_grad_value_(parameters, threshold)
    elif mode == "global-norm":
        torch.nn.utils.clip_grad_norm_(parameters, threshold)
    elif mode == "tensor-norm":
        for parameter in parameters:
            norm = norm_of([parameter.grad])
            if norm > threshold:
                parameter.grad.mul_(threshold / norm)
    elif mode == "scale":
        norm = norm_of([parameter.grad for parameter in parameters])
        if norm > 0 and math.isfinite(threshold):
            for parameter in parameters:
                parameter.grad.mul_(threshold / norm)
    elif mode == "smooth":
        norm = norm_of([parameter.grad for parameter in parameters])
        for parameter in parameters:
            parameter.grad.mul_(threshold / (threshold + norm))
    elif mode == "skip":
        memory["skips"] = norm_of([parameter.grad for parameter in parameters]) > threshold
        for parameter in parameters:
            parameter.grad.mul_(0 if memory["skips"] else 1)
    elif mode == "carry":
        clip_with_carry(parameters, threshold, memory)
    elif mode == "tensor-rms":
        for parameter in parameters:
            rms = float(parameter.grad.double().square().mean().sqrt())
            if rms > threshold:
                parameter.grad.mul_(threshold / rms)
    elif mode == "agc":
        for parameter in parameters:
            rows = (-1, parameter.shape[-1]) if parameter.dim() > 1 else (1, -1)
            gradients, weights = parameter.grad.view(rows), parameter.detach().view(rows)
            for gradient, weight in zip(gradients, weights):
                limit = threshold * max(norm_of([weight]), 1e-3)
                if norm_of([gradient]) > limit:
                    gradient.mul_(limit / norm_of([gradient]))
    elif mode == "autoclip":
        norm = norm_of([parameter.grad for parameter in parameters])
        memory.setdefault("norms", []).append(norm)
        last = memory["norms"][-settings.get("autoclip_window", 0) :]
        scale_down(parameters, norm, float(np.percentile(last, threshold)))
    elif mode == "median":
        norm = norm_of([parameter.grad for parameter in parameters])
        before = memory.setdefault("norms", [])
        if len(before) >= 10:
            scale_down(parameters, norm, threshold * float(np.median(before[-100:])))
        before.append(norm)
    elif mode == "zclip":
        clip_by_z_score(parameters, threshold, memory)
    elif mode == "adagc":
        clip_by_average(parameters, threshold, memory, settings.get("adagc_warmup", 100))
    elif mode not in ("none", "update-norm"):
        raise ValueError(f"no such clipping mode: {mode}")


def scale_down(parameters, norm, limit):
    if norm > limit:
        for parameter in parameters:
            parameter.grad.mul_(limit / norm)


def clip_with_carry(parameters, threshold, memory):
    """Elesedy and Hutter (2023), U-Clip, with clipping by the norm."""
    carried = memory.setdefault("carried", [torch.zeros_like(parameter) for parameter in parameters])
    sums = [parameter.grad + buffer for parameter, buffer in zip(parameters, carried)]
    for parameter, total in zip(parameters, sums):
        parameter.grad.copy_(total)
    torch.nn.utils.clip_grad_norm_(parameters, threshold)
    memory["carried"] = [total - parameter.grad for parameter, total in zip(parameters, sums)]


def clip_by_z_score(parameters, threshold, memory, decay=0.97, warmup=25):
    """Kumar et al. (2025), with mean and variance of the first norms taken at once."""
    norm = norm_of([parameter.grad for parameter in parameters])
    first = memory.setdefault("norms", [])
    if len(first) < warmup:
        first.append(norm)
        memory["mean"], memory["variance"] = float(np.mean(first)), float(np.var(first))
        return
    mean, deviation = memory["mean"], math.sqrt(memory["variance"])
    z = (norm - mean) / deviation
    kept = norm
    if z > threshold:
        kept = mean + threshold * deviation * (threshold / z)
        scale_down(parameters, norm, kept)
    memory["mean"] = decay * mean + (1 - decay) * kept
    memory["variance"] = decay * deviation**2 + (1 - decay) * (kept - memory["mean"]) ** 2


def clip_by_average(parameters, threshold, memory, warmup, decay=0.98, warmup_norm=1.0):
    """Wang et al. (2025), their algorithm 1."""
    step = memory["step"] = memory.get("step", 0) + 1
    if step <= warmup:
        scale_down(parameters, norm_of([parameter.grad for parameter in parameters]), warmup_norm)
        norms = [norm_of([parameter.grad]) for parameter in parameters]
        memory["averages"] = [min(pair) for pair in zip(memory.get("averages", norms), norms)]
        return
    for i, parameter in enumerate(parameters):
        average = memory["averages"][i]
        scale_down([parameter], norm_of([parameter.grad]), threshold * average)
        memory["averages"][i] = decay * average + (1 - decay) * norm_of([parameter.grad])


def optimizer_of(settings, parameters):
    """Return PyTorch's optimizer; decoupled decay is part of it only in AdamW."""
    name, learning_rate = settings["optimizer"], settings["learning_rate"]
    common = {"lr": learning_rate, "weight_decay": settings["weight_decay"]}
    if name == "sgd":
        momentum = {key: settings[key] for key in ("momentum", "nesterov")}
        return torch.optim.SGD(parameters, **common, **momentum)
    if name == "rmsprop":
        return torch.optim.RMSprop(
            parameters,
            alpha=settings["rmsprop_alpha"],
            eps=settings["rmsprop_epsilon"],
            momentum=settings["momentum"],
            **common,
        )
    betas = (settings["adam_beta1"], settings["adam_beta2"])
    if is_adamw(settings):
        common["weight_decay"] = settings["decoupled_weight_decay"]
        return torch.optim.AdamW(parameters, betas=betas, eps=settings["adam_epsilon"], **common)
    return torch.optim.Adam(parameters, betas=betas, eps=settings["adam_epsilon"], **common)


def is_adamw(settings):
    decays = (settings["weight_decay"], settings["decoupled_weight_decay"])
    return settings["optimizer"] == "adam" and decays[0] == 0 and decays[1] > 0


def schedulers_of(settings, optimizer):
    """Return PyTorch's schedulers that advance after each step, and those that do after each epoch."""
    schedulers = torch.optim.lr_scheduler
    warmup, total = settings["learning_rate_warmup"], settings["epochs"] * settings["steps_per_epoch"]
    first = []
    if warmup > 1:
        first = [schedulers.LinearLR(optimizer, 1 / warmup, 1, total_iters=warmup - 1)]
    if settings["learning_rate_schedule"] == "cosine":
        falling = schedulers.CosineAnnealingLR(optimizer, total - warmup)
    elif settings["learning_rate_schedule"] == "linear":
        falling = schedulers.LinearLR(optimizer, 1, 0, total_iters=total - warmup)
    else:
        every, factor = settings["learning_rate_decay_every"], settings["learning_rate_decay"]
        return first, [schedulers.StepLR(optimizer, every, factor)]
    if first:
        return [schedulers.SequentialLR(optimizer, [*first, falling], milestones=[warmup])], []
    return [falling], []


def threshold_in(epoch, settings):
    """Return the threshold of an epoch, None where the mode has none."""
    if settings["threshold"] is None:
        return None
    decays = (epoch - 1) // settings.get("threshold_decay_every", 1)
    return float(settings["threshold"]) * settings.get("threshold_decay", 1) ** decays


def limit_update(parameters, before, limit):
    """Move the weights back towards those before, to the distance `limit`, where they are further."""
    updates = [weights - parameter.detach() for parameter, weights in zip(parameters, before)]
    norm = norm_of(updates)
    if norm > limit:
        with torch.no_grad():
            for parameter, weights, update in zip(parameters, before, updates):
                parameter.copy_(weights - update * (limit / norm))


def take_step(optimizer, parameters, settings, threshold):
    """Let PyTorch take the step, with the penalties that its optimizers do not know."""
    before = [parameter.detach().clone() for parameter in parameters]
    for parameter in parameters:
        parameter.grad.add_(parameter.detach().sign(), alpha=settings["l1"])
    optimizer.step()
    decay = 0 if is_adamw(settings) else settings["decoupled_weight_decay"]
    with torch.no_grad():
        for parameter, weights in zip(parameters, before):
            parameter.sub_(weights, alpha=optimizer.param_groups[0]["lr"] * decay)
    if settings["mode"] == "update-norm":
        limit_update(parameters, before, threshold)


def scaled(inputs, scale, lengths):
    """Return the inputs [N, T, I] scaled feature by feature, in double and then rounded."""
    inputs = inputs.astype(np.float32).astype(np.float64)
    exists = np.arange(inputs.shape[1]) < lengths[:, None]
    steps = inputs[exists]  # [steps of all sequences, I]
    offset, width = np.zeros(inputs.shape[2]), np.ones(inputs.shape[2])
    if scale == "unit":
        offset, width = steps.min(0), np.ptp(steps, 0)
    elif scale == "standard":
        offset, width = steps.mean(0), steps.std(0)
    return ((inputs - offset) / width).astype(np.float32)


@functools.cache
def read_training_set(task, scale, read_columns, data):
    """Return the inputs [N, T, I], the targets (class numbers or floats) and the lengths [N] or None."""
    if task != "sequences":
        images, labels = read_images(data, read_columns)
        return images, labels.astype(np.int64), None
    with np.load(data) as arrays:
        inputs, targets, lengths = arrays["x_train"], arrays["y_train"], arrays.get("lengths_train")
    all_lengths = np.full(len(inputs), inputs.shape[1]) if lengths is None else lengths
    inputs = scaled(inputs.reshape(*inputs.shape[:2], -1), scale, all_lengths)
    if targets.dtype.kind == "f":
        return inputs, targets.astype(np.float32), lengths
    exists = np.arange(inputs.shape[1]) < all_lengths[:, None] if targets.ndim == 2 else np.ones(len(targets), bool)
    classes = np.unique(targets[exists])
    return inputs, np.searchsorted(classes, targets) * exists, lengths


def training_set(trace, data):
    """Return inputs, targets and lengths of the trace's training set, read once for all traces."""
    settings = trace["settings"]
    options = settings.get("scale", "none"), settings.get("read_columns", False)
    return read_training_set(settings["task"], *options, data)


def samples(batch, inputs, targets):
    """Return inputs [B, T, I] and targets of a batch: indices of samples, or the samples themselves."""
    if isinstance(batch, dict):
        return torch.tensor(batch["inputs"], dtype=torch.float32), torch.tensor(batch["targets"])
    return torch.from_numpy(inputs[batch]), torch.from_numpy(targets[batch])


class Omega:
    """The regularizer of Pascanu et al. (2013, equations 9 and 10) of a plain network's next batch.

    The gradient of W_hh alone gets the factor times that of the mean of (|W_hh' u_t| / |e_t| - 1)^2, in
    which the errors u_t at the sums and e_t at the states stay fixed.
    """

    def __init__(self, network):
        self.network = network
        self.layers = []  # [L] of [T] pairs (sums, states), each [B, H]
        network.omega = self

    def run_layers(self, inputs, first):
        """Return states [B, T, H] and last states [L, B, H], step by step, and note all of them."""
        rnn, lasts = self.network.layers, []
        activation = torch.tanh if rnn.nonlinearity == "tanh" else torch.relu
        for layer in range(rnn.num_layers):
            w_ih, w_hh, b_ih, b_hh = (getattr(rnn, f"{name}_l{layer}") for name in RNN_TENSORS)
            h = inputs.new_zeros(len(inputs), rnn.hidden_size) if first is None else first[layer]
            noted = []
            for x in inputs.unbind(1):
                a = torch.nn.functional.linear(x, w_ih, b_ih) + torch.nn.functional.linear(h, w_hh, b_hh)
                h = activation(a)
                a.retain_grad()
                h.retain_grad()
                noted.append((a, h))
            self.layers.append((w_hh, noted))
            inputs = torch.stack([h for _, h in noted], 1)
            lasts.append(h)
        return inputs, torch.stack(lasts)

    def add_to_gradient(self, factor):
        """Return Omega, after the backward pass of the loss."""
        total, pairs = 0.0, sum(len(a) for _, noted in self.layers for a, _ in noted[1:])
        for w_hh, noted in self.layers:
            fixed = w_hh.detach().double().requires_grad_()
            terms = [self.terms(fixed, a.grad.double(), h.grad.double()) for a, h in noted[1:]]
            omega = torch.cat(terms).sum() / pairs
            omega.backward()
            w_hh.grad.add_(factor * fixed.grad)
            total += omega.item()
        return total

    @staticmethod
    def terms(w_hh, u, error):
        norm = error.norm(dim=1)
        kept = norm**2 >= 1e-20
        return ((u[kept] @ w_hh).norm(dim=1) / norm[kept] - 1) ** 2


class Landscape:
    """The loss of one batch around the weights before a step, in double."""

    def __init__(self, network, batch):
        self.network = copy.deepcopy(network).double()
        self.state = network.state
        inputs, targets = batch
        self.batch = inputs.double(), targets.double() if targets.is_floating_point() else targets
        self.parameters = list(self.network.by_name.values())

    def gradient(self, create_graph=False):
        self.network.state = in_double(self.state)
        loss = self.network.loss(*self.batch)
        return flat(torch.autograd.grad(loss, self.parameters, create_graph=create_graph))

    def sharpness(self):
        """Return g'Hg / g'g, and |Hg| / |g|: it may be near 0 where the gradient turns."""
        gradient = self.gradient(create_graph=True)
        fixed = gradient.detach()
        product = flat(torch.autograd.grad(gradient @ fixed, self.parameters))
        return float(product @ fixed / (fixed @ fixed)), float(product.norm() / fixed.norm())

    def smoothness(self, after):
        """Return |g(mid) - g| / |mid - w| for the middle of the step to the parameters `after`."""
        start = flat(self.parameters)
        gradient = self.gradient()
        with torch.no_grad():
            for parameter, end in zip(self.parameters, after):
                parameter.add_(end.double()).div_(2)
        change = self.gradient() - gradient
        return float(change.norm() / (flat(self.parameters) - start).norm())


def flat(tensors):
    return torch.cat([tensor.detach().flatten() if tensor.is_leaf else tensor.flatten() for tensor in tensors])


def in_double(state):
    if state is None:
        return None
    return tuple(map(in_double, state)) if isinstance(state, tuple) else state.double()


def replay(trace, inputs, targets, lengths):
    """Yield the numbers of each step as PyTorch has them."""
    settings = trace["settings"]
    network = Network(trace)
    network.each_step |= targets.ndim == 2 and targets.dtype.kind != "f"
    parameters = list(network.by_name.values())
    memory = {}
    optimizer = optimizer_of(settings, parameters)
    by_step, by_epoch = schedulers_of(settings, optimizer)
    continues = trace.get("continues", itertools.repeat(False))
    for batch, logged, goes_on in zip(trace["batches"], trace["steps"], continues):
        if not goes_on:
            network.state = None
        optimizer.zero_grad()
        if lengths is not None:
            network.lengths = torch.from_numpy(lengths[batch].astype(np.int64))
        drawn = samples(batch, inputs, targets)
        landscape = Landscape(network, drawn) if "smoothness" in logged else None
        omega = Omega(network) if settings.get("omega") else None
        loss = network.loss(*drawn)
        loss.backward()
        value = omega.add_to_gradient(settings["omega"]) if omega else 0.0
        tensors = {name: norm_of([tensor.grad]) for name, tensor in network.by_name.items()}
        raw = norm_of([parameter.grad for parameter in parameters])
        threshold = threshold_in(logged["epoch"], settings)
        clip(parameters, settings, threshold, memory)
        clipped = norm_of([parameter.grad for parameter in parameters])
        rate = optimizer.param_groups[0]["lr"]
        if not logged.get("skipped") and not memory.get("skips"):
            take_step(optimizer, parameters, settings, threshold)
        ends_epoch = logged["step"] % settings["steps_per_epoch"] == 0
        for scheduler in [*by_step, *(by_epoch if ends_epoch else [])]:
            scheduler.step()
        step = {"loss": loss.item(), "grad_norm_raw": raw, "grad_norm_clipped": clipped}
        step["scheduled_learning_rate"], step["omega"] = rate, value
        if landscape:
            step["sharpness"], step["sharpness, at least"] = landscape.sharpness()
            step["smoothness"] = landscape.smoothness(parameters)
        yield {**step, **{f"tensors.{name}": norm for name, norm in tensors.items()}}


def logged_numbers(step):
    """Return the numbers of a step of the trace under the names that `replay` uses."""
    numbers = {key: step[key] for key in COMPARED if key in step}
    numbers.update({key: step[key] for key in MEASURED if key in step})
    numbers.update({f"tensors.{name}": norm for name, norm in step["tensors"].items()})
    return {key: float(value) for key, value in numbers.items()}  # float("NaN") and so on too


def relative_error(ours, theirs, at_least=0.0):
    """Return the difference by the larger of the two, or `at_least`; 0 if both are the same non-number."""
    if ours == theirs or (math.isnan(ours) and math.isnan(theirs)):
        return 0.0
    if not (math.isfinite(ours) and math.isfinite(theirs)):
        return math.inf
    return abs(ours - theirs) / max(abs(ours), abs(theirs), at_least)


def largest_errors(trace, inputs, targets, lengths=None):
    """Return for each number its largest relative error and the step that has it."""
    largest = {}
    for logged, replayed in zip(trace["steps"], replay(trace, inputs, targets, lengths)):
        for key, value in logged_numbers(logged).items():
            error = relative_error(value, replayed[key], replayed.get(f"{key}, at least", 0.0))
            if key not in largest or error > largest[key][0]:
                largest[key] = (error, logged["step"])
    return largest


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("trace", metavar="TRACE.json", help="what clipsweep trace printed; - for many")
    add("--data", type=Path, metavar="PATH", default=FASHION_MNIST, help="folder with the IDX files, or FILE.npz")
    add("--tolerance", type=float, metavar="X", default=1e-4, help="largest relative error [1e-4]")
    return parser.parse_args()


def report(path, data, tolerance):
    """Replay the trace in this file and print its errors; return the exit code."""
    trace = json.loads(Path(path).read_text(encoding="utf-8"))
    if not trace["steps"] or len(trace["batches"]) != len(trace["steps"]):
        print("replay_trace: the trace needs steps and as many batches", file=sys.stderr)
        return 1
    errors = largest_errors(trace, *training_set(trace, data))
    print(f"{trace['run']}, {len(trace['steps'])} steps, PyTorch {torch.__version__}")
    print("largest relative error:")
    allowed = {key: max(tolerance, MEASURED_TOLERANCE * (key in MEASURED)) for key in errors}
    for key, (error, step) in errors.items():
        mark = "" if error <= allowed[key] else f"  above {allowed[key]:g}"
        print(f"  {key:24} {error:.1e} at step {step}{mark}")
    return 0 if all(error <= allowed[key] for key, (error, _) in errors.items()) else 1


def main():
    arguments = parse_arguments()
    torch.set_num_threads(1)
    if arguments.trace != "-":
        return report(arguments.trace, arguments.data, arguments.tolerance)
    for line in sys.stdin:
        path, _, data = line.rstrip("\n").partition("\t")
        print("exit", report(path, Path(data or arguments.data), arguments.tolerance), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
