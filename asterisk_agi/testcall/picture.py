"""A call as a picture: both voices on one time axis, who said what, and where the time went.

Needs the extra `picture` (matplotlib). Draws 1600 x 900 pixels, without a display.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from asterisk_agi.media.formats import RATE_HZ
from asterisk_agi.testcall.measure import HOPS, Sound, Turn
from asterisk_agi.testcall.report import Report, latency

WIDTH_PX, HEIGHT_PX, DPI = 1600, 900, 100

CHARACTER_PX = 7.6
"""Width of a letter of the labels, on the average, with a little room."""
CALLER_Y, AGENT_Y = 1.0, -1.0
"""Middles of the two lanes."""
LANE = 0.62
"""Half the height of a lane."""
TEXT_GAP_S = 0.3
"""Two stretches of the same text closer than this are labelled once."""
LINES_MAX = 7
"""More lines of a label would leave the picture."""
CALLER_COLOUR = "#2b6cb0"
KIND_COLOURS = {"fact": "#2f855a", "fixed": "#6b46c1", "filler": "#dd6b20", "unknown": "#808080"}
KIND_NAMES = {"fact": "fact", "fixed": "fixed phrase", "filler": "filler", "unknown": "unknown"}
HOP_COLOURS = ("#2c5282", "#4299e1", "#90cdf4", "#dd6b20", "#f6ad55", "#38a169", "#9ae6b4")
REST_COLOUR = "#e2e8f0"


def draw(report: Report, path: Path) -> None:
    """Write the picture of a call as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure_of(report).savefig(path, dpi=DPI)


def figure_of(report: Report) -> Figure:
    """Return the picture of a call: the voices, and below them the hops of each turn."""
    figure = Figure(figsize=(WIDTH_PX / DPI, HEIGHT_PX / DPI), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    turns = report.measured.turns
    share = min(0.34, 0.10 + 0.035 * len(turns))
    voices, hops = figure.subplots(
        2, 1, gridspec_kw={"height_ratios": (1 - share, share), "hspace": 0.24}
    )
    figure.subplots_adjust(left=0.065, right=0.985, top=0.93, bottom=0.06)
    figure.suptitle(_title(report), fontsize=13, y=0.975)
    _draw_voices(voices, report)
    _draw_hops(hops, turns)
    return figure


def _colour(kind: str) -> str:
    return KIND_COLOURS.get(kind, KIND_COLOURS["unknown"])


def _title(report: Report) -> str:
    told = latency(report.measured.latencies_ms)
    title = f"Call to {report.record.extension}, {report.record.seconds:.1f} s"
    if told["turns"]:
        title += f", ear to ear p50 {told['p50_ms']:.0f} ms, p95 {told['p95_ms']:.0f} ms"
    return title


# The voices...


def _draw_voices(axes: Axes, report: Report) -> None:
    seconds = max(report.record.seconds, 1.0)
    axes.set_xlim(0, seconds)
    axes.set_ylim(-2.75, 2.6)
    axes.set_yticks((CALLER_Y, AGENT_Y), ("caller", "agent"), fontsize=12)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("seconds since the answer", fontsize=9, labelpad=2)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    chars_per_s = 0.92 * WIDTH_PX / seconds / CHARACTER_PX
    for number, turn in enumerate(report.measured.turns, start=1):
        _draw_turn(axes, number, turn, chars_per_s)
    sounds = (*report.measured.greeting, *(s for t in report.measured.turns for s in t.sounds))
    for sound in sounds:
        _shade(axes, sound.begin_s, sound.end_s, AGENT_Y, _colour(sound.kind))
    _label_agent(axes, sounds, chars_per_s, seconds)
    _kinds(axes)
    _wave(axes, report.record.caller.pcm, CALLER_Y, CALLER_COLOUR)
    _wave(axes, report.record.agent.pcm, AGENT_Y, "#2d3748")


def _kinds(axes: Axes) -> None:
    for kind, name in KIND_NAMES.items():
        axes.fill_between((), (), color=KIND_COLOURS[kind], alpha=0.5, linewidth=0, label=name)
    axes.legend(ncols=len(KIND_NAMES), loc="upper right", fontsize=8.5, frameon=False)


def _wave(axes: Axes, pcm: bytes, middle: float, colour: str) -> None:
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float64)
    if samples.size == 0:
        return
    low, high, step = _envelope(samples)
    loudest = max(float(np.abs(samples).max()), 1000.0)
    times = np.arange(low.size) * step / RATE_HZ
    scale = 0.92 * LANE / loudest
    axes.fill_between(
        times, middle + scale * low, middle + scale * high, color=colour, linewidth=0.4
    )


def _envelope(
    samples: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Return lowest and highest sample of each picture column, and the samples in one."""
    step = max(1, samples.size // (2 * WIDTH_PX))
    columns = np.pad(samples, (0, -samples.size % step)).reshape(-1, step)
    return columns.min(axis=1), columns.max(axis=1), step


def _shade(axes: Axes, begin_s: float, end_s: float, middle: float, colour: str) -> None:
    axes.fill_between(
        (begin_s, end_s), middle - LANE, middle + LANE, color=colour, alpha=0.22, linewidth=0
    )


def _draw_turn(axes: Axes, number: int, turn: Turn, chars_per_s: float) -> None:
    _shade(axes, turn.begin_s, turn.end_s, CALLER_Y, CALLER_COLOUR)
    text = turn.said if turn.kind == "speech" else f"keys {turn.said}"
    room_s = max(turn.end_s - turn.begin_s, 2.2)
    label = _wrapped(f"{number}. {text}", room_s * chars_per_s)
    axes.text(turn.begin_s, CALLER_Y + LANE + 0.08, label, fontsize=9.5, va="bottom")
    if turn.latency_ms is not None:
        _span(axes, turn, turn.latency_ms, KIND_COLOURS["fact"])
    elif turn.first_sound_ms is not None:
        _span(axes, turn, turn.first_sound_ms, _colour(turn.answer_kind))


def _span(axes: Axes, turn: Turn, milliseconds: float, colour: str) -> None:
    """Draw the time from the caller's last word to the answer, between the lanes."""
    end_s = turn.end_s + milliseconds / 1000
    for x in (turn.end_s, end_s):
        axes.plot((x, x), (-0.2, 0.2), color=colour, linewidth=1.5)
    axes.plot((turn.end_s, end_s), (0, 0), color=colour, linewidth=4, solid_capstyle="butt")
    axes.text(
        end_s,
        0.03,
        f"  {milliseconds:.0f} ms",
        fontsize=11,
        va="center",
        color=colour,
        weight="bold",
    )


def _label_agent(axes: Axes, sounds: Sequence[Sound], chars_per_s: float, seconds: float) -> None:
    """Write what the agent said below its lane, each phrase once."""
    phrases = _phrases(sounds)
    begins = [begin for begin, _, _ in phrases] + [seconds]
    for (begin_s, text, kind), next_s in zip(phrases, begins[1:], strict=True):
        label = _wrapped(text, max(next_s - begin_s, 0.5) * chars_per_s)
        colour = _colour(kind)
        axes.text(begin_s, AGENT_Y - LANE - 0.08, label, fontsize=9, va="top", color=colour)


def _phrases(sounds: Sequence[Sound]) -> list[tuple[float, str, str]]:
    """Join the sounds of one phrase: (begin, text, kind)."""
    found: list[tuple[float, str, str]] = []
    for sound in sounds:
        if sound.text and (not found or found[-1][1] != sound.text):
            found.append((sound.begin_s, sound.text, sound.kind))
    return found


def _wrapped(text: str, characters: float) -> str:
    lines = textwrap.wrap(text, max(9, int(characters)), break_long_words=False)
    return "\n".join(lines[:LINES_MAX]) + ("..." if len(lines) > LINES_MAX else "")


# The hops...


def _draw_hops(axes: Axes, turns: Sequence[Turn]) -> None:
    longest = max((_total_ms(turn) for turn in turns), default=0.0)
    axes.set_xlim(0, max(longest, 100.0) * 1.16)
    axes.set_ylim(len(turns) + 0.6, 0.4)
    axes.set_yticks(range(1, len(turns) + 1), [f"turn {n}" for n in range(1, len(turns) + 1)])
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("milliseconds since the caller's last word", fontsize=9, labelpad=2)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    for row, turn in enumerate(turns, start=1):
        _draw_bar(axes, row, turn, max(longest, 100.0))
    _legend(axes)


def _total_ms(turn: Turn) -> float:
    heard = turn.latency_ms if turn.latency_ms is not None else turn.first_sound_ms
    return max(heard or 0.0, sum(turn.hops.values()))


def _draw_bar(axes: Axes, row: int, turn: Turn, longest: float) -> None:
    """Draw the hops one after the other, then the rest: voice detection, network."""
    left = 0.0
    parts = [(turn.hops.get(hop, 0.0), HOP_COLOURS[at]) for at, hop in enumerate(HOPS)]
    total = _total_ms(turn)
    parts.append((max(0.0, total - sum(turn.hops.values())), REST_COLOUR))
    for width, colour in parts:
        axes.barh(row, width, left=left, height=0.7, color=colour, linewidth=0)
        if width > 0.022 * longest:
            ink = "white" if colour in (HOP_COLOURS[0], HOP_COLOURS[5]) else "black"
            axes.text(
                left + width / 2,
                row,
                f"{width:.0f}",
                ha="center",
                va="center",
                fontsize=8,
                color=ink,
            )
        left += width
    heard = turn.latency_ms if turn.latency_ms is not None else turn.first_sound_ms
    kind = "" if turn.latency_ms is not None else f" ({turn.answer_kind})"
    told = f" {heard:.0f} ms{kind}" if heard is not None else " no answer"
    axes.text(left, row, told, va="center", fontsize=9.5, weight="bold")


def _legend(axes: Axes) -> None:
    names = [hop.replace("_", " ") for hop in HOPS] + ["voice detection, network"]
    for name, colour in zip(names, (*HOP_COLOURS, REST_COLOUR), strict=True):
        axes.barh(0, 0, color=colour, label=name)
    axes.legend(
        ncols=len(names), loc="lower right", bbox_to_anchor=(1.0, 1.0), fontsize=8.5, frameon=False
    )
