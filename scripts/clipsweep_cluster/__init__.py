"""A real Slurm of several virtual nodes on this machine, for tests of scripts/slurm.

A module imports only modules that are listed before it:

    processes  the processes of a cluster: found by their environment, started and ended
    cluster    the configuration of a private Slurm, its daemons, its commands
"""
