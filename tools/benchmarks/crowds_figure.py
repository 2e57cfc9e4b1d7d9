"""The figure of memory and time by the number of ground truths."""

from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#7a6a00")  # Okabe and Ito, readable by all


def draw_curves(curves: dict, bound: int, file: Path) -> None:
    """`curves`: of each method and formulation [[ground truths, seconds, bytes], ...]."""
    figure = Figure(figsize=(10, 4.2), dpi=150, layout="constrained")
    time, memory = figure.subplots(1, 2)
    for color, (method, formulations) in zip(COLORS, curves.items(), strict=False):
        for name, points in formulations.items():
            counts, seconds, sizes = zip(*points, strict=True)
            style = {"color": color, "linestyle": "--" if name == "dense" else "-", "marker": "o"}
            style |= {"markersize": 3, "linewidth": 1.5, "alpha": 0.7 if name == "dense" else 1.0}
            label = method if name == "sparse" else None
            time.plot(counts, [1e3 * x for x in seconds], label=label, **style)
            memory.plot(counts, [x / 2**20 for x in sizes], **style)
    memory.axhline(bound / 2**20, color="0.4", linewidth=1)
    memory.annotate(
        f"{bound / 2**30:.0f} GiB, where the tables end",
        (1, bound / 2**20),
        xytext=(0, -11),
        textcoords="offset points",
        fontsize=8,
        color="0.3",
    )
    for axes, title in ((time, "time of a call, ms"), (memory, "memory beyond the inputs, MiB")):
        axes.set(xscale="log", yscale="log", xlabel="ground truths in the image")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("{x:,.0f}")
        axes.set_title(title, loc="left", fontsize=10)
        axes.grid(True, which="major", color="0.9")
        axes.spines[["top", "right"]].set_visible(False)
    handles, labels = time.get_legend_handles_labels()
    handles.append(Line2D([], [], color="0.4", linestyle="--"))
    time.legend(handles, [*labels, "on tables"], fontsize=8, frameon=False)
    figure.savefig(file)
