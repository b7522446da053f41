"""The tutorial's network and its training in PyTorch, as a peer for the benchmark.

`torch` comes with the extra `benchmark`.
"""

import numpy as np
import torch
from torch import nn

_EVALUATION_BATCH = 256


class SentimentNetwork(nn.Module):
    """Token ids (batch, maxlen) to logits (batch,)."""

    def __init__(self, num_words: int) -> None:
        """Make the layers, of the sizes that the tutorial has."""
        super().__init__()
        self.embedding = nn.Embedding(num_words, 200)
        self.dropout = nn.Dropout(0.5)
        self.convolution = nn.Conv1d(200, 64, 5)
        self.pooling = nn.MaxPool1d(4)
        self.first_lstm = nn.LSTM(64, 64, batch_first=True, bidirectional=True)
        self.last_lstm = nn.LSTM(128, 32, batch_first=True, bidirectional=True)
        self.answer = nn.Linear(64, 1)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        words = self.dropout(self.embedding(tokens)).transpose(1, 2)
        found = self.pooling(torch.relu(self.convolution(words))).transpose(1, 2)
        read, _ = self.first_lstm(found)
        _, (last, _) = self.last_lstm(self.dropout(read))
        return self.answer(torch.cat([last[0], last[1]], dim=-1)).squeeze(-1)


class TorchTraining:
    """A network that is trained epoch by epoch, and validated after each."""

    def __init__(self, num_words: int, batch_size: int, seed: int) -> None:
        """Make network and optimizer."""
        torch.manual_seed(seed)
        self.network = SentimentNetwork(num_words)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=0.001)
        self.loss = nn.BCEWithLogitsLoss()
        self.batch_size = batch_size

    def epoch(self, train: tuple[np.ndarray, ...], validation: tuple[np.ndarray, ...]) -> float:
        """Train for an epoch and return the accuracy on the validation reviews."""
        tokens, labels = (torch.from_numpy(part) for part in train)
        self.network.train()
        for rows in torch.randperm(len(tokens)).split(self.batch_size):
            self.optimizer.zero_grad()
            self.loss(self.network(tokens[rows]), labels[rows].float()).backward()
            self.optimizer.step()
        return self._accuracy(*(torch.from_numpy(part) for part in validation))

    def _accuracy(self, tokens: torch.Tensor, labels: torch.Tensor) -> float:
        self.network.eval()
        with torch.no_grad():
            found = [self.network(part) > 0 for part in tokens.split(_EVALUATION_BATCH)]
        return float((torch.cat(found) == labels.bool()).float().mean())
