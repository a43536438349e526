"""What the panel is told of a run."""

from __future__ import annotations

from lucid_blender.client.job_state import JobState
from lucid_blender.core.messages import Finished, ModelFound, Progress


def test_a_download_is_shown_in_bytes_and_a_run_in_steps() -> None:
    state = JobState(phase="running")
    state.note(Progress(stage="Downloading", step=1_250_000_000, steps=5_000_000_000, unit="bytes", seconds_left=95))
    assert (state.line(), state.factor) == ("1.25 of 5 GB, 1:35 min left", 0.25)
    state.phase = "paused"
    assert state.line() == "Paused at 1.25 of 5 GB"
    state.phase = "running"
    state.note(Progress(stage="Distilling", step=3, steps=10))
    assert state.line() == "Distilling: step 3/10"
    assert state.line(lambda text, **values: text.upper().format(**{k.upper(): v for k, v in values.items()})) == (
        "DISTILLING: STEP 3/10"
    )
    state.note(Progress(stage="Downloading a{b}.safetensors", step=0, steps=10))
    assert state.line() == "Downloading a{b}.safetensors"


def test_what_the_hub_said_of_models_outlives_the_run() -> None:
    state = JobState()
    found = ModelFound(source="gone/name", id="owner/name", revision="main", size=3, missing=1)
    state.note(found)
    state.begin("another run")
    assert state.found_models == {"gone/name": found}


def test_a_run_that_was_stopped_and_kept_says_where_and_can_be_resumed() -> None:
    state = JobState(phase="running", step=3, steps=9, keeping=True)
    state.note(Finished(job_folder="/jobs/a"))
    assert state.phase == "finished" and "3/9" in state.message and state.job_folder == "/jobs/a"
    state = JobState(phase="running", step=9, steps=9, keeping=True)  # the wish came too late
    state.note(Finished(job_folder="/jobs/a"))
    assert "kept" not in state.message and not state.job_folder
