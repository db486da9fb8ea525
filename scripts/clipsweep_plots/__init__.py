"""Draws a result folder: from logs to figures and one report file.

A module imports only what stands above it here:

    strict_json      JSON as the logs write it, and what is wrong with it
    links            links, pipes and devices in a result folder, which are refused
    progress         how far the reading and drawing are
    step_log         steps.jsonl, streamed into windows
    profiles         through_time.jsonl, the gradient at each time step
    result_folder    sweep.json and the runs: what can be drawn, what is left out and why
    summary          summary.json as the rows of the report's tables
    style            colours, line styles, sizes of text, words and numbers as they are printed
    layout           how wide a figure is and what follows from it
    panels           which arms share a panel, which panels share a row
    panel_page       a page of panels, with their keys
    sources          what every figure is drawn from
    findings         titles that say what is seen
    bands            the interval of a mean over seeds
    curves           curves of arms, in small multiples
    learning_curves  training loss and test accuracy
    clipping_curves  clipped share and cosine
    norm_axis        the axis of gradient norms and the thresholds on it
    gradient_norm    the raw gradient norm of each arm over the steps
    norm_histogram   its distribution
    passage          what becomes of the gradient on its way back through time
    through_time     the gradient norm over the time steps
    gates            gates of recurrent cells: names, colours, means over seeds
    gate_shares      which gate the gradient is in
    spectral_radius  the spectral radius of the recurrent weights
    learning_rates   accuracy over the learning rate, and the usable range
    heat_map         final accuracy over threshold and learning rate
    row_chart        charts of rows: label, strip, result
    paired           paired differences with the baseline
    noise_floor      what chaos alone does
    events           NaN, Inf and spikes on a time line
    figures          the list of all figures
    words            differences, noise and divergences as sentences
    tables           tables as both reports show them
    arm_tables       the tables over modes and arms
    run_tables       the tables over runs
    interval_glyph   a difference as a mark in a table's cell
    answer           the answer and how sure it is
    notes            what is missing, damaged or cannot be said
    provenance       how the runs and the report were made
    figure_files     a figure's files, and how report.html carries it
    report           report.html, with report.css and report.js
    report_markdown  report.md

It reads logs and never trains, clips or judges; results/README.md is the format it relies on.
"""
