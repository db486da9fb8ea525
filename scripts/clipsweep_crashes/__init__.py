"""Disturbs sweeps and compares their results with undisturbed ones: scripts/crash_test.

A module imports only modules that are listed before it:

    sweeps  starts sweeps; compares result folders, byte by byte
"""
