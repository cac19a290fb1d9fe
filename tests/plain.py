"""The plain PyTorch way: what a script does for one strategy and one seed. An oracle; shares no code with the engine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

Criterion = Callable[[Tensor, Tensor, Tensor], Tensor]  # logits, targets, row numbers -> loss


@dataclass(frozen=True)
class Script:
    """Settings of a script. `criterion(epoch)` is the loss of an epoch."""

    criterion: Callable[[int], Criterion]
    outputs: int
    hidden: Sequence[int] = (8,)
    epochs: int = 1
    batch_size: int = 32
    optimizer: str = "adam"
    lr: float = 0.01
    weight_decay: float = 0.0
    balanced_sampler: bool = False
    log_prior: bool = False
    cosines: bool = False


class Cosines(nn.Linear):
    """The last layer of LDAM's authors: both sides normalised, no bias."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.normalize(x, dim=1).mm(functional.normalize(self.weight.T, dim=0))


def train_plainly(script: Script, x: Tensor, y: Tensor, seed: int) -> tuple[nn.Sequential, list[float]]:
    """The trained model in float64 and the mean loss of each epoch."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        steps: list[nn.Module] = []
        widths = (x.shape[1], *script.hidden, script.outputs)
        for fan_in, fan_out in zip(widths, widths[1:], strict=False):
            steps += [nn.ReLU()] if steps else []
            last = len(steps) == 2 * (len(widths) - 2)
            steps.append(Cosines(fan_in, fan_out, bias=False) if last and script.cosines else nn.Linear(fan_in, fan_out))
        model = nn.Sequential(*steps).double()
    counts = torch.bincount(y).double()
    if script.log_prior and not script.cosines:
        prior = (counts / len(y)).log()
        model[-1].bias.data = prior if script.outputs > 1 else prior[1:] - prior[:1]
    optimizer = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[script.optimizer](
        model.parameters(), lr=script.lr, weight_decay=script.weight_decay
    )
    g = torch.Generator().manual_seed(seed)
    table = TensorDataset(x.double(), y, torch.arange(len(y)))
    if script.balanced_sampler:
        sampler = WeightedRandomSampler((1 / counts)[y], len(y), generator=g)
        loader = DataLoader(table, batch_size=script.batch_size, sampler=sampler, generator=g)
    else:
        loader = DataLoader(table, batch_size=script.batch_size, shuffle=True, generator=g)
    history = []
    for epoch in range(script.epochs):
        losses, criterion = [], script.criterion(epoch)
        for inputs, targets, rows in loader:
            optimizer.zero_grad()
            logits = model(inputs)
            loss = criterion(logits if script.outputs > 1 else logits.squeeze(-1), targets, rows)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        history.append(sum(losses) / len(losses))
    return model, history


def flat(model: nn.Module) -> Tensor:
    """All parameters in order, as one row."""
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
