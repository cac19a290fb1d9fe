"""Trained models as files: one plain `state_dict` per run."""

import io
import zipfile
from collections.abc import Sequence

import torch

from lib.experiment import Strategy
from lib.snapshot import At, Snapshot

STAMP = (1980, 1, 1, 0, 0, 0)  # the same models give the same bytes


def file_names(strategies: Sequence[Strategy], seeds: Sequence[int]) -> dict[At, str]:
    """SLUG-seedS.pt of each run; strategies whose names have the same slug get their number added."""
    slugs = [strategy.slug for strategy in strategies]
    unique: list[str] = []
    for number, slug in enumerate(slugs, start=1):
        name = slug if slugs.count(slug) == 1 else f"{slug}-{number}"
        while name in unique or (name != slug and name in slugs):  # 'a', 'A' and 'a 2'
            name += f"-{number}"
        unique.append(name)
    return {(s, r): f"{unique[s]}-seed{seed}.pt" for s in range(len(unique)) for r, seed in enumerate(seeds)}


def models_zip(snapshot: Snapshot) -> bytes:
    """All models of a training; each file loads with `torch.load(..., weights_only=True)`."""
    experiment, whole = snapshot.experiment, io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for at, name in file_names(experiment.strategies, experiment.seeds).items():
            one = io.BytesIO()
            torch.save(snapshot.models[at].state_dict(), one)
            archive.writestr(zipfile.ZipInfo(name, STAMP), one.getvalue(), zipfile.ZIP_DEFLATED)
    return whole.getvalue()
