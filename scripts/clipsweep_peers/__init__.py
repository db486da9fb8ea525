"""Measures Keras, PyTorch and JAX on clipsweep's own weights and batches: scripts/bench_peers.

A module imports only modules that are listed before it:

    cuda_stubs     lets PyPI's torch load without the CUDA libraries that a CPU never calls
    models         the models of the comparison, and how much of each is trained
    problem        a model's weights, batches and losses, from `clipsweep trace`
    keras_peer     Keras: model.fit
    torch_peer     PyTorch: a loop, and torch.func.vmap compiled
    jax_peer       JAX: vmap and scan
    worker         a process that trains with one framework when it is asked to
    contenders     what is measured: the workers' methods and clipsweep's own sweeps
    speed_page     the text of results/speed.md from measurements
    options        the command line of scripts/bench_peers
    program        all measurements in turns
"""
