"""One module per figure, and their list.

A module imports only modules that are listed before it:

    learning_curves    training loss, solved tasks, test and validation accuracy
    clipping_curves    clipped share and cosine
    gradient_norm      the raw gradient norm of each arm over the steps
    over_steps         update by weight norm, and the regularizer Omega, over the steps
    norm_survival      how often the raw gradient norm exceeds a value, and its tail
    threshold_picker   which share of steps a threshold would clip
    through_time       the gradient norm over the time steps
    smoothness         local smoothness over the gradient norm, and sharpness over the steps
    gate_shares        each gate's share of the squared gradient norm
    spectral_radius    the spectral radius of the recurrent weights
    learning_rates     accuracy over the learning rate, and the usable range
    heat_map           judged accuracy over threshold and learning rate
    by_setting         success or accuracy over a setting that varies, such as the length
    by_threshold       accuracy and loss over the threshold
    step_size_map      accuracy over the threshold, and over the longest step
    difference_map     paired differences and divergence over threshold and learning rate
    difference_curves  paired differences over the steps
    paired             paired differences to the baseline
    probe_noise        the noise of the gradient at fixed weights
    probe_bias         what clipping makes of the mean gradient there
    probe_predictions  whether clipping should help, against what was measured
    noise_floor        the effect of rounding noise alone
    cliff              the loss around the weights before a step
    events             NaN, Inf and spikes on a time line
    figure_list        the list of all figures
"""
