"""What the yardstick reports: every run, the means of every setting with intervals, and the tables of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .intervals import Interval, interval
from .measures import COSTS, MEASURES, Measure, clip_measure, mean_ranks


@dataclass(frozen=True, kw_only=True)
class Run:
    """One prop. ``values`` has the numbers of the measures, and more, by name; a missing one is None."""

    setting: str
    prompt: str
    seed: int
    values: dict[str, float | None]
    notes: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One setting over all prompts and seeds."""

    setting: str
    mean_rank: float  # over the measures, among the settings: 1 is best in all
    means: dict[str, Interval]
    differences: dict[str, Interval]  # to the first setting, prompt by prompt and seed by seed; empty for the first
    pooled_frechet: float | None  # of the views of all runs together, to those of all scenes
    sampled_frechet: float | None  # to pictures sampled from the model


@dataclass(frozen=True, kw_only=True)
class Report:
    """All settings."""

    features: str  # what sampled_frechet is measured in
    views: int  # random ones, of each prop, and
    references: int  # sampled pictures for each prompt, that sampled_frechet compares
    summaries: tuple[Summary, ...]
    runs: tuple[Run, ...]


def summaries(
    runs: Sequence[Run], pooled: dict[str, float | None], sampled: dict[str, float | None]
) -> tuple[Summary, ...]:
    """One for each setting, in the order of the runs; Fréchet distances by the name of the setting."""
    settings = list(dict.fromkeys(run.setting for run in runs))
    means = {setting: _intervals(runs, setting, None) for setting in settings}
    ranks = mean_ranks([{name: found.mean for name, found in means[setting].items()} for setting in settings])
    return tuple(
        Summary(
            setting=setting,
            mean_rank=rank,
            means=means[setting],
            differences={} if setting == settings[0] else _intervals(runs, setting, settings[0]),
            pooled_frechet=pooled.get(setting),
            sampled_frechet=sampled.get(setting),
        )
        for setting, rank in zip(settings, ranks, strict=True)
    )


def _intervals(runs: Sequence[Run], setting: str, base: str | None) -> dict[str, Interval]:
    """The interval of each value of a setting, or of its differences to another one in the runs that both have."""
    names = list(dict.fromkeys(name for run in runs for name in run.values))
    found = {name: interval(_groups(runs, setting, base, name)) for name in names}
    return {name: one for name, one in found.items() if one is not None}


def _groups(runs: Sequence[Run], setting: str, base: str | None, name: str) -> list[list[float]]:
    """Values by prompt."""
    bases = {(run.prompt, run.seed): run.values.get(name) for run in runs if run.setting == base}
    groups: dict[str, list[float]] = {}
    for run in runs:
        value, other = run.values.get(name), 0.0 if base is None else bases.get((run.prompt, run.seed))
        if run.setting == setting and value is not None and other is not None:
            groups.setdefault(run.prompt, []).append(value - other)
    return list(groups.values())


# ---------------------------------------------------------------- tables


def markdown(report: Report) -> str:
    """Settings, then differences between them, then prompts."""
    parts = [_settings_table(report)]
    if len(report.summaries) > 1:
        parts.append(_differences_table(report))
    parts += [_prompts_table(report), *_distances(report)]
    return "\n\n".join(parts) + "\n"


def shown(report: Report) -> list[Measure]:
    """The measures that any run has, and what a run costs."""
    have = {name for run in report.runs for name, value in run.values.items() if value is not None}
    clips = [name for run in report.runs[:1] for name in run.values if name.startswith("CLIP ")]
    return [measure for measure in (*map(clip_measure, clips), *MEASURES, *COSTS) if measure.name in have]


def _settings_table(report: Report) -> str:
    measures = shown(report)
    rows = [["setting", "mean rank", *(measure.label for measure in measures)]]
    if any(measure.best for measure in measures):
        rows.append(["*the scene itself*", "", *(measure.best for measure in measures)])
    for summary in report.summaries:
        cells = [_cell(summary.means.get(measure.name), measure) for measure in measures]
        rows.append([summary.setting, f"{summary.mean_rank:.2f}", *cells])
    return _table(rows)


def _differences_table(report: Report) -> str:
    measures = shown(report)
    rows = [[f"less {report.summaries[0].setting}", *(measure.label for measure in measures)]]
    for summary in report.summaries[1:]:
        rows.append([summary.setting, *(_cell(summary.differences.get(m.name), m, signed=True) for m in measures)])
    return _table(rows)


def _prompts_table(report: Report) -> str:
    """A line for each prompt of each setting: means over seeds."""
    measures = shown(report)
    rows = [["prompt", "setting", "seeds", *(measure.label for measure in measures)]]
    for prompt, setting in dict.fromkeys((run.prompt, run.setting) for run in report.runs):
        chosen = [run for run in report.runs if (run.prompt, run.setting) == (prompt, setting)]
        rows.append([prompt, setting, str(len(chosen)), *(_mean(chosen, measure) for measure in measures)])
    return _table(rows)


def _distances(report: Report) -> list[str]:
    name = "3D-FID" if report.features == "inception" else f"Fréchet distance in features of {report.features}"
    prompts = len({run.prompt for run in report.runs})
    count = f"{report.views} views of each run and {report.references} sampled pictures for each of {prompts} prompts"
    found = []
    for summary in report.summaries:
        if summary.pooled_frechet is not None:
            said = (
                f"{summary.setting}: Fréchet distance of all runs' views to the scenes', in the classifier's features"
            )
            found.append(f"{said}: {summary.pooled_frechet:.2f}")
        if summary.sampled_frechet is not None:
            found.append(f"{summary.setting}: {name}: {summary.sampled_frechet:.2f}, {count}")
    return found


def _mean(runs: Sequence[Run], measure: Measure) -> str:
    values = [value for run in runs if (value := run.values.get(measure.name)) is not None]
    return f"{sum(values) / len(values):.{measure.digits}f}" if values else ""


def _cell(found: Interval | None, measure: Measure, *, signed: bool = False) -> str:
    """ "mean (low to high)"; a difference whose interval is on one side of 0 is bold."""
    if found is None:
        return ""
    form: Callable[[float], str] = (f"{{:{'+' if signed else ''}.{measure.digits}f}}").format
    text = f"{form(found.mean)} ({form(found.low)} to {form(found.high)})"
    return f"**{text}**" if signed and (found.low > 0 or found.high < 0) else text


def _table(rows: Sequence[Sequence[str]]) -> str:
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
