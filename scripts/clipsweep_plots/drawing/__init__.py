"""The look, the layout and the parts that figures share.

A module imports only modules that are listed before it:

    style          colours, line styles, text sizes, and the format of numbers
    layout         width of a figure, sizes, header and pages
    sources        the input of every figure
    panels         arms in panels, panels in rows
    panel_page     a page of panels, with their keys
    map_page       a page of maps: a row per mode
    row_chart      charts of rows: label, strip, result
    findings       titles that state findings
    bands          the interval of a mean over seeds
    curves         curves of arms, in small multiples
    norm_axis      the axis of gradient norms and the thresholds on it
    median_panels  a number of each arm over the steps
    setting_axis   the axis of a setting that varies
    value_axis     the axes of accuracies and losses
    exceedance     the share of norms above a value, and the tail of the norms
    gradient_flow  how the gradient changes back through time, in words
    gates          gates of recurrent cells: names, looks, means over seeds
    figure_files   the files of a figure, and the figure as report.html embeds it
"""
