"""Folders that several tests read, made once."""

import pytest
import torch
from photos import folder_of_drawings, teacher_file

# The nets are small: more threads cost more than they bring, and disturb their neighbours.
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    return folder_of_drawings(tmp_path_factory.mktemp("data") / "photos")


@pytest.fixture(scope="session")
def teacher(tmp_path_factory):
    return teacher_file(tmp_path_factory.mktemp("teacher") / "folded.npz")
