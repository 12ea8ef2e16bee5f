"""Workflows run other people's code by its hash only, with as few rights as they need, and never that of a stranger."""

import re

import pytest
import yaml

from tests.require import ROOT

FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = {
    path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.iterdir()) if path.is_file()
}
_PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")


def jobs():
    return [(name, title, job) for name, flow in WORKFLOWS.items() for title, job in flow["jobs"].items()]


def steps():
    return [(name, title, step) for name, title, job in jobs() for step in job.get("steps", [])]


def loose(flow):
    """Actions and workflows that a workflow uses by another name than a hash, except its neighbours."""
    used = [job.get("uses") for job in flow["jobs"].values()]
    used += [step.get("uses") for job in flow["jobs"].values() for step in job.get("steps", [])]
    return [use for use in used if use and not use.startswith("./") and not _PINNED.fullmatch(use)]


def triggers(flow):
    # YAML 1.1 reads the key "on" as true.
    named = flow.get("on", flow.get(True))
    return {named} if isinstance(named, str) else set(named)


def writes(permissions):
    return sorted(name for name, right in permissions.items() if right not in ("read", "none"))


@pytest.mark.parametrize("name", WORKFLOWS)
def test_actions_are_pinned_by_hash(name):
    assert loose(WORKFLOWS[name]) == []


def test_an_action_by_its_tag_would_be_found():
    flow = {"jobs": {"a": {"steps": [{"uses": "actions/checkout@v4"}, {"run": "true"}]}, "b": {"uses": "./x.yml"}}}
    assert loose(flow) == ["actions/checkout@v4"]


def test_every_hash_has_its_version_beside_it():
    lines = [line for path in FOLDER.iterdir() for line in path.read_text(encoding="utf-8").splitlines()]
    pinned = [line.strip() for line in lines if _PINNED.search(line)]
    assert pinned
    assert [line for line in pinned if not re.search(r"# v\d+\.\d+\.\d+$", line)] == []


def test_one_action_has_one_hash():
    pinned = {step["uses"] for *_, step in steps() if "uses" in step}
    assert len({use.split("@")[0] for use in pinned}) == len(pinned)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_may_only_read_unless_a_job_says_more(name):
    rights = WORKFLOWS[name]["permissions"]
    assert isinstance(rights, dict)
    assert writes(rights) == []
    assert set(rights) <= {"contents"}


def test_only_the_publishing_of_main_may_write_and_only_pages():
    writing = {(name, title): writes(job["permissions"]) for name, title, job in jobs() if "permissions" in job}
    assert writing == {("ci.yml", "publish"): ["id-token", "pages"], ("pages.yml", "deploy"): ["id-token", "pages"]}
    assert WORKFLOWS["ci.yml"]["jobs"]["publish"]["if"] == "github.ref == 'refs/heads/main'"
    assert triggers(WORKFLOWS["pages.yml"]) == {"workflow_call"}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_stranger_cannot_start_a_workflow_with_rights_of_ours(name):
    assert not triggers(WORKFLOWS[name]) & {"pull_request_target", "workflow_run", "issue_comment", "issues"}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_nothing_from_outside_gets_into_a_command(name):
    commands = [step["run"] for flow, _, step in steps() if flow == name and "run" in step]
    assert [command for command in commands if "${{" in command] == []


def test_the_token_does_not_stay_in_a_checkout():
    checkouts = [step for *_, step in steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_no_job_runs_for_ever():
    # A job that calls another workflow has its limit there; publishing has GitHub's own.
    long = [(name, title) for name, title, job in jobs() if "container" in job and job.get("timeout-minutes", 360) > 90]
    assert long == []


def test_the_supply_chain_is_looked_at_every_week_and_on_demand():
    flow = WORKFLOWS["supply.yml"]
    assert triggers(flow) == {"schedule", "workflow_dispatch"}
    when = flow.get("on", flow.get(True))["schedule"][0]["cron"].split()
    assert when[2:4] == ["*", "*"]
    assert re.fullmatch("[0-6]", when[4])
    assert set(flow["jobs"]) == {"audit", "sbom", "oldest", "newest"}
    # The audit is advice; the others are not.
    assert [title for title, job in flow["jobs"].items() if job.get("continue-on-error")] == ["audit"]


def test_verbs_that_workflows_use_are_there():
    verbs = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    used = {verb for *_, step in steps() for verb in re.findall(r"^make ([a-z-]+)", step.get("run", ""), re.MULTILINE)}
    assert used
    assert used <= verbs
