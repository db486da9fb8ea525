"""Disturbs sweeps and compares their results with undisturbed ones: crash_test and fault_test.

A module imports only modules that are listed before it:

    sweeps      starts sweeps; compares result folders, byte by byte
    faults      calls to the operating system that fail, by a library for LD_PRELOAD
    power_cuts  what a power loss may leave of a result folder
"""
