"""The workflows parse, refer to what exists, and publish only on a tag."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml", reason="workflows: PyYAML is not installed")

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def load(name: str) -> dict[Any, Any]:
    return yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text())


def steps_of(workflow: dict[Any, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_jobs_are_complete(path: Path) -> None:
    workflow = load(path.name)
    # YAML 1.1 reads the key `on` as true.
    assert {"name", True, "permissions", "jobs"} <= set(workflow)
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        needs = job.get("needs", [])
        for other in [needs] if isinstance(needs, str) else needs:
            assert other in workflow["jobs"], (name, other)
        assert job["runs-on"] and job["steps"]
        for step in job["steps"]:
            assert ("run" in step) != ("uses" in step), (name, step)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_steps_name_what_exists(path: Path) -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for step in steps_of(load(path.name)):
        if action := step.get("uses"):
            assert re.fullmatch(r"[\w-]+/[\w-]+@(v\d+|release/v\d+)", action)
        for target in re.findall(r"^make ([\w-]+)", step.get("run", ""), re.MULTILINE):
            assert target in targets
        for script in re.findall(r"^bash (\S+)", step.get("run", ""), re.MULTILINE):
            assert (ROOT / script).exists()


def test_wheels_cover_the_platforms() -> None:
    job = load("wheels.yml")["jobs"]["wheels"]
    runners = set(job["strategy"]["matrix"]["runner"])
    assert runners == {"macos-15", "ubuntu-24.04", "ubuntu-24.04-arm"}
    assert job["env"]["CIBW_BUILD"].split() == ["cp310-*", "cp311-*", "cp312-*"]


def test_only_a_tag_publishes() -> None:
    jobs = load("wheels.yml")["jobs"]
    publish = jobs["publish"]
    assert "refs/tags/v" in publish["if"]
    assert set(publish["needs"]) == {"wheels", "sdist", "metal"}
    assert publish["permissions"]["id-token"] == "write"
    others = [job for name, job in jobs.items() if name != "publish"]
    assert not any("id-token" in job.get("permissions", {}) for job in others)
    assert "vars.SELF_HOSTED_MAC" in jobs["metal"]["if"]
