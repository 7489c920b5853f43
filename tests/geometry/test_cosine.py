import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import cosine_similarity

from tests.geometry.streams import assert_streams, gathered, merged, streamed
from uncone.geometry import InterSimilarity, IntraSimilarity, MeanCosine, mean_cosine, s_inter, s_intra
from uncone.geometry.rows import BLOCK


def generator(seed=0):
    return torch.Generator().manual_seed(seed)
