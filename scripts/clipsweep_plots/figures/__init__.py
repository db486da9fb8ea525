"""One module per figure, and their list.

A module imports only modules that are listed before it:

    learning_curves  training loss and test accuracy
    clipping_curves  clipped share and cosine
    gradient_norm    the raw gradient norm of each arm over the steps
    norm_histogram   the distribution of the raw gradient norms
    through_time     the gradient norm over the time steps
    gate_shares      each gate's share of the squared gradient norm
    spectral_radius  the spectral radius of the recurrent weights
    learning_rates   accuracy over the learning rate, and the usable range
    heat_map         judged accuracy over threshold and learning rate
    paired           paired differences to the baseline
    noise_floor      the effect of rounding noise alone
    events           NaN, Inf and spikes on a time line
    figure_list      the list of all figures
"""
