"""Draws a result folder: from logs to figures and one report file.

A module imports only what stands above it here:

    strict_json     JSON as the logs write it, and what is wrong with it
    progress        how far the reading and drawing are
    step_log        steps.jsonl, streamed into windows
    result_folder   sweep.json and the runs: what can be drawn, what is left out and why
    summary         summary.json as the rows of the report's tables
    style           colours, line styles, words and numbers as they are printed
    layout          which arms share a panel, which panels share a page
    curves          training loss, test accuracy and clipped share
    gradient_norm   the raw gradient norm of each arm
    heat_map        final accuracy over threshold and learning rate
    paired          paired differences with the baseline
    report          report.html

It reads logs and never trains, clips or judges; results/README.md is the format it relies on.
"""
