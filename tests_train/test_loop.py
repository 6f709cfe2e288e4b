"""The loop: a stopped run goes on exactly, with one net or two; faults are told and nothing is lost."""

from __future__ import annotations

import json
import resource
import shutil

import numpy as np
import pytest
import torch
from photos import job

from imgedit import errors
from imgedit.training.job import Weights
from imgedit.training.loop import Settings, TrainingError, train
from imgedit.training.muon import Muon, turns
from imgedit.training.nets import SuperResolution
from imgedit.training.pairs import PairTask


def task_of(photos, channels=16, **weights):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = SuperResolution(2, channels=channels, blocks=1)
        return PairTask.from_job(net, job(photos, photos, held=photos), crop=16, weights=Weights(**weights))


@pytest.mark.parametrize(("adversarial", "optimizer"), [(0.0, "adam"), (0.1, "adam"), (0.1, "muon")])
def test_a_stopped_run_goes_on_exactly(photos, tmp_path, adversarial, optimizer):
    settings = Settings(steps=12, optimizer=optimizer, warmup=2, every=100, device="cpu", half=False, workers=3)
    whole_task = task_of(photos, adversarial=adversarial)
    whole = train(whole_task, tmp_path / "whole", settings).net

    def stop(done):
        if done >= 0.5:
            raise errors.Cancelled

    with pytest.raises(errors.Cancelled):
        train(task_of(photos, adversarial=adversarial), tmp_path / "parts", settings, progress=stop)
    stopped = shutil.copy(tmp_path / "parts/checkpoint.pt", tmp_path / "stopped.pt")
    parts_task = task_of(photos, adversarial=adversarial)
    parts, seconds = train(parts_task, tmp_path / "parts", settings)
    checkpoints = (stopped, tmp_path / "parts/checkpoint.pt")
    first, last = (torch.load(path, weights_only=True)["seconds"] for path in checkpoints)
    assert 0 < first < last <= seconds
    pairs = [(whole, parts), (whole_task.critic, parts_task.critic)] if adversarial else [(whole, parts)]
    for ours, theirs in pairs:
        for name, value in ours.state_dict().items():
            torch.testing.assert_close(value, theirs.state_dict()[name], rtol=0, atol=0)


def test_muon_turns_kernels_in_all_directions_alike():
    kernel = torch.nn.Parameter(torch.zeros(20, 16, 3, 3))
    left, right = torch.linalg.qr(torch.randn(20, 20))[0], torch.linalg.qr(torch.randn(144, 144))[0][:20]
    # A slope with singular values from 1 down to a tenth; a step of plain descent would have the same.
    kernel.grad = (left * torch.linspace(1, 0.1, 20) @ right).view(kernel.shape)
    Muon([kernel], lr=0.5).step()
    found_left, sizes, found_right = torch.linalg.svd(kernel.detach().flatten(1), full_matrices=False)
    # As large as one of Adam's steps, and against the slope; the polynomial is content with 0.7 to 1.2.
    sizes = sizes / (0.5 * 0.2 * 144**0.5)
    assert 0.65 < float(sizes.min()) <= float(sizes.max()) < 1.25
    torch.testing.assert_close(found_left @ found_right, -left @ right, rtol=0, atol=1e-4)


def test_muon_takes_the_wide_kernels_alone(photos, tmp_path):
    task = task_of(photos)
    before = {name: value.detach().clone() for name, value in task.net.named_parameters()}
    wide = {name for name, value in before.items() if turns(value)}
    assert 0 < len(wide) < len(before)
    train(task, tmp_path, Settings(steps=1, rate=1e-3, optimizer="muon", warmup=1, every=1, device="cpu", descent=0.0))
    for name, value in task.net.named_parameters():
        step = (value.detach() - before[name]).abs()
        # Adam's first step is as large as its rate in every number; Muon's a fifth of it in the mean, or less where the
        # slope is of low rank, as in a chain.
        if name in wide:
            assert 0.08e-3 < float(step.square().mean().sqrt()) < 0.25e-3, name
        else:
            assert float(step.max()) == pytest.approx(1e-3, rel=0.05), name
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert len(state["muon"]["state"]) == len(wide)


def test_a_run_goes_on_with_its_optimizer(photos, tmp_path):
    train(task_of(photos), tmp_path, Settings(steps=1, optimizer="muon", every=1, device="cpu"))
    with pytest.raises(TrainingError, match="go on with muon"):
        train(task_of(photos), tmp_path, Settings(steps=2, every=1, device="cpu"))


def test_the_number_of_threads_changes_nothing(photos, tmp_path):
    def result(workers):
        settings = Settings(steps=5, warmup=1, every=100, device="cpu", half=False, workers=workers)
        return train(task_of(photos), tmp_path / str(workers), settings).net

    for ours, theirs in zip(result(1).parameters(), result(4).parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_both_nets_learn(photos, tmp_path):
    task = task_of(photos, adversarial=0.01)
    nets = (task.net, task.critic)
    learnt = [[p for p in net.parameters() if p.requires_grad] for net in nets]
    before = [[p.detach().clone() for p in side] for side in learnt]
    train(task, tmp_path, Settings(steps=3, rate=1e-2, warmup=1, descent=0.1, device="cpu"))
    for side, old in zip(learnt, before, strict=True):
        changed = [not torch.equal(a, b) for a, b in zip(side, old, strict=True)]
        # Where real and made scores both lie within the hinge's margin,
        # the slope of the last bias is 0: one for each of five sizes.
        assert sum(changed) >= len(changed) - 5


def test_a_run_that_goes_wrong_fails_early_and_keeps_its_checkpoint(photos, tmp_path):
    settings = Settings(steps=3, warmup=1, every=1, device="cpu")
    train(task_of(photos), tmp_path, settings)
    kept = (tmp_path / "checkpoint.pt").read_bytes()
    wild = Settings(steps=60, rate=1e30, warmup=1, every=100, device="cpu", clip=1e30)
    with pytest.raises(TrainingError, match="lower --rate"):
        train(task_of(photos), tmp_path, wild)
    assert (tmp_path / "checkpoint.pt").read_bytes() == kept


def test_without_room_the_old_checkpoint_stays(photos, tmp_path):
    train(task_of(photos), tmp_path, Settings(steps=2, warmup=1, every=1, device="cpu"))
    kept = (tmp_path / "checkpoint.pt").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(TrainingError, match=r"no checkpoint at step 3 .*make room"):
            train(task_of(photos), tmp_path, Settings(steps=4, warmup=1, every=1, device="cpu"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "checkpoint.pt").read_bytes() == kept
    assert not list(tmp_path.glob(".*"))
    train(task_of(photos), tmp_path, Settings(steps=4, warmup=1, every=1, device="cpu"))
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3, 4]


def test_a_checkpoint_of_another_run_is_refused(photos, tmp_path):
    settings = Settings(steps=1, every=1, device="cpu")
    train(task_of(photos), tmp_path, settings)
    with pytest.raises(TrainingError, match="another net"):
        train(task_of(photos, channels=32), tmp_path, settings)
    with pytest.raises(TrainingError, match="without a critic"):
        train(task_of(photos, adversarial=0.1), tmp_path, settings)
    (tmp_path / "checkpoint.pt").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(TrainingError, match="damaged"):
        train(task_of(photos), tmp_path, settings)


def test_a_gpu_that_is_not_here_is_told(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(errors.ArgumentError, match="sees no GPU"):
        train(task_of(photos), tmp_path, Settings(steps=1, device="cuda"))


def test_the_rate_rises_stays_and_falls_to_zero():
    settings = Settings(steps=1000, rate=1.0, warmup=100, descent=0.4)
    assert settings.rate_at(49) == pytest.approx(0.5)
    assert settings.rate_at(600) == 1.0
    assert settings.rate_at(800) == pytest.approx(0.5)
    assert settings.rate_at(1000) == 0.0


def test_batches_depend_on_seed_and_step_alone(photos):
    task = task_of(photos)
    first, again, other = (task.batch(np.random.default_rng((0, step)), 0.0)["small"] for step in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
