"""Trains a sweep on a Slurm cluster: writes the batch scripts, submits them, says what is done.

It needs nothing but the standard library. A module imports only modules that are listed before it:

    messages       errors in one line, and exit codes
    time_limits    time limits as Slurm writes them
    options        the command line: what is ours, what goes to clipsweep sweep
    sweep_program  what the program says about a sweep: its parts, and what is left of them
    batch_scripts  the scripts that the nodes run
    site           the commands of Slurm on this machine
    submissions    what was submitted for a result folder, kept in it
    status         what is done, running, failed and left, from the folder alone
    program        `scripts/slurm`: submit, or show the status
"""
