"""The same networks in PyTorch, trained by the plain loop of its tutorials: optimizer, batches, evaluation."""

from collections.abc import Callable
from typing import Any

import torch
from benchmarks.engine.families import CODE_STRENGTH, Family
from torch import nn
from torch.nn import functional


class Last(nn.Module):
    """The state of an LSTM after the last step."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.LSTM(8, 64, batch_first=True)

    def forward(self, x: Any) -> Any:
        return self.inner(x)[0][:, -1]


class Block(nn.Module):
    """Attention and a feed-forward part, each with a residual and a normalization after it."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.place = nn.Linear(8, 32, bias=False), nn.Parameter(torch.rand(8, 32) * 0.1 - 0.05)
        self.attention = nn.MultiheadAttention(32, 4, batch_first=True)
        self.feed = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 32))
        self.norms = nn.ModuleList([nn.LayerNorm(32, eps=1e-3), nn.LayerNorm(32, eps=1e-3)])

    def forward(self, x: Any) -> Any:
        x = self.embed(x) + self.place
        x = self.norms[0](x + self.attention(x, x, x, need_weights=False)[0])
        return self.norms[1](x + self.feed(x)).mean(1)


def channels_first(x: Any) -> Any:
    return x.permute(0, 3, 1, 2).contiguous()


def make_cnn() -> nn.Module:
    convolutions = nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU()
    return nn.Sequential(*convolutions, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


MODELS: dict[str, Callable[[], nn.Module]] = {
    "moons": lambda: nn.Sequential(nn.Linear(2, 500), nn.ReLU(), nn.Linear(500, 1), nn.Flatten(0)),
    "dense": lambda: nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10)),
    "cnn": make_cnn,
    "lstm": lambda: nn.Sequential(Last(), nn.Linear(64, 10)),
    "autoencoder": lambda: nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 64)),
    "transformer": lambda: nn.Sequential(Block(), nn.Linear(32, 10)),
}


def make_loop(name: str, family: Family) -> Callable[[int], None]:
    """A function that trains one new model for a number of epochs, each measured on its batches and validated."""
    rows = family.rows()
    x, xv = torch.tensor(rows.x), torch.tensor(rows.xv)
    y, yv = (torch.tensor(part) if name == "autoencoder" else torch.tensor(part).long() for part in (rows.y, rows.yv))
    if name == "moons":
        y, yv = y.float(), yv.float()
    if name == "cnn":
        x, xv = channels_first(x), channels_first(xv)
    loss = {"moons": functional.binary_cross_entropy_with_logits, "autoencoder": functional.mse_loss}.get(
        name, functional.cross_entropy
    )

    def right(z: Any, y: Any) -> float:
        if name == "autoencoder":
            return 0.0
        return ((z > 0) == (y > 0) if name == "moons" else z.argmax(1) == y).float().mean().item()

    def forward(net: nn.Module, x: Any) -> tuple[Any, Any]:
        if name != "autoencoder":
            return net(x), 0.0
        code = net[1](net[0](x))
        return net[2](code), CODE_STRENGTH * code.abs().sum() / len(x)

    def train(epochs: int) -> None:
        net = MODELS[name]()
        optimizer = torch.optim.Adam(net.parameters(), eps=1e-7)
        for _ in range(epochs):
            net.train()
            for chosen in torch.randperm(len(x)).split(family.batch):
                optimizer.zero_grad()
                z, penalty = forward(net, x[chosen])
                cost = loss(z, y[chosen]) + penalty
                cost.backward()
                optimizer.step()
                cost.item(), right(z.detach(), y[chosen])
            net.eval()
            with torch.no_grad():
                z, _ = forward(net, xv)
                loss(z, yv).item(), right(z, yv)

    return train
