"""Writes a result folder in other tools' formats, through those formats' own libraries.

A module imports only what stands above it here, and of clipsweep_plots only how strict JSON and the
plan are read:

    values         a logged value as a Python value, or what is wrong with it
    step_rows      steps.jsonl, streamed as rows
    finished_run   one run: its run.json and its step log, or why it is left out
    tables         Parquet: one table each of steps, epochs, events and runs
    event_files    TensorBoard: one event file a run
    output_folder  the folder written to: replaced as a whole or not at all
    conversion     all runs of a plan, several at a time, in the plan's order
"""
