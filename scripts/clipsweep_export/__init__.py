"""Writes a result folder in the formats of other tools, through the libraries of those formats.

A module imports only modules that are listed before it, and clipsweep_results:

    arrays         Arrow's arrays from Python values, without pandas
    tables         Parquet: one table each of steps, epochs, events and runs
    event_files    TensorBoard: one event file per run
    output_folder  the output folder: replaced as a whole or not at all
    conversion     all runs of a plan, several at a time, in the plan's order
    program        the command line of scripts/export.py and clipsweep-export
"""
