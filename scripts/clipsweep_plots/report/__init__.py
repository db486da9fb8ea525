"""report.html and report.md.

A module imports only modules that are listed before it:

    phrases          differences, noise and divergences in words
    tables           tables of both reports: columns, cells, rows
    arm_tables       the tables of modes and arms
    setup_table      the answer for many setups
    arm_files        the table of arms as CSV and LaTeX
    run_tables       the tables of runs
    interval_glyph   a paired difference as a mark in a table's cell
    conclusions      the answer and its certainty
    caveats          notes on the limits of the numbers
    provenance       command, settings, versions, machine, data and time
    report_html      report.html, with report_template.html, report.css and report.js
    report_markdown  report.md
"""
