"""The models of an exported script on series: torch's own LSTM, or a network on windows; one logit for each step."""

from lib.export.program import Program
from lib.sequence_models import Lstm, Tagging
from lib.stack import widths_of


def series_model(shape: Tagging) -> str:
    """A module as code, and the function that makes one."""
    return _lstm(shape) if isinstance(shape, Lstm) else _window(shape.features * shape.window, shape.window, shape.hidden)


def of_steps(program: Program, x: str, mask: str) -> str:
    """The expression for the logits [M] of the steps of series x that count."""
    shape = widths_of(program.experiment, program.run)
    both = isinstance(shape, Lstm) and shape.bidirectional
    return f"model({x}, {mask})[{mask}]" if both else f"model({x})[{mask}]"


def _lstm(shape: Lstm) -> str:
    layers = f", num_layers={shape.layers}" if shape.layers > 1 else ""
    both = ", bidirectional=True" if shape.bidirectional else ""
    forward = [
        "    def forward(self, x):",
        '        """Logits [N, T] of series x [N, T, D]; what a step gets does not depend on the padding behind it."""',
        "        states, _ = self.lstm(x)",
    ]
    if shape.bidirectional:
        forward = [
            "    def forward(self, x, mask):",
            '        """Logits [N, T] of series x [N, T, D]; each is read back from its own last step that counts."""',
            "        lengths = (mask * torch.arange(1, mask.shape[1] + 1)).amax(dim=1)",
            "        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)",
            "        states, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=x.shape[1])",
        ]
    return "\n".join([
        "class Tagger(nn.Module):",
        '    """An LSTM with a linear head."""', "",
        "    def __init__(self):",
        "        super().__init__()",
        f"        self.lstm = nn.LSTM({shape.features}, {shape.hidden}{layers}, batch_first=True{both})",
        f"        self.head = nn.Linear({shape.hidden * (1 + shape.bidirectional)}, 1)", "",
        *forward,
        "        return self.head(states).squeeze(-1)",
    ])  # fmt: skip


def _window(inputs: int, window: int, hidden: tuple[int, ...]) -> str:
    widths = (inputs, *hidden, 1)
    steps = [f"nn.Linear({a}, {b})" for a, b in zip(widths, widths[1:], strict=False)]
    inner = "".join(f"            {step},\n            nn.ReLU(),\n" for step in steps[:-1])
    return "\n".join([
        f"WINDOW = {window}  # steps that the model looks at: one and those before it", "", "",
        "class Tagger(nn.Module):",
        '    """Linear layers on the last steps."""', "",
        "    def __init__(self):",
        "        super().__init__()",
        f"        self.layers = nn.Sequential(\n{inner}            {steps[-1]},\n        )", "",
        "    def forward(self, x):",
        '        """Logits [N, T] of series x [N, T, D]; zeros stand before the first step."""',
        "        windows = F.pad(x, (0, 0, WINDOW - 1, 0)).unfold(1, WINDOW, 1)",
        "        return self.layers(windows.flatten(2)).squeeze(-1)",
    ])  # fmt: skip
