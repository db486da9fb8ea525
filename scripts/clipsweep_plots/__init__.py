"""Draws a result folder: from logs to figures and report files.

A folder imports only folders that are listed before it, and clipsweep_results:

    drawing    the look, the layout and the parts that figures share
    figures    one module per figure, and their list
    rendering  figures drawn and rendered, several at a time
    report     report.html, report.md and the table of arms: phrases, tables, notes
    norms      the figure of a log of gradient norms, from clipsweep advise
    program    the command line of scripts/plot.py and clipsweep-plot

It only reads logs and summaries; it never trains, clips or judges. results/README.md describes
the format.
"""
