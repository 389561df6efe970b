"""The chapter's networks in bare PyTorch; BENCH_MODEL says which: one tensor of all digits, batches by index. It runs eagerly,
with Adam's default implementation, or with BENCH_COMPILE=1 through torch.compile, with Adam's fused one. Images lie with their
channels last, which is faster here. With the argument "program" it is the whole program. "scale WIDTH DEPTH BATCH" is a step of
a network of other sizes."""

import functools
import os
import sys
import time

from contender import (
    BATCH, CNN, RNN, DROPOUT, ENCODER_HEADS, ENCODER_INNER, ENCODER_LAYERS, EPOCHS, SEQUENCES, SEQUENCE_KINDS, SIZES, THREADS, answer, mnist, once,
    sequences, serve, timed,
)
import torch
from torch import nn

torch.set_num_threads(THREADS)
torch.manual_seed(1)
COMPILE = os.environ.get("BENCH_COMPILE") == "1"
if COMPILE:
    torch._dynamo.config.recompile_limit = 64  # networks over sequences share their code


def compiled(f):
    """Returns f, compiled for each shape that comes if that is asked for."""
    return torch.compile(f, dynamic=False) if COMPILE else f


def network(sizes):
    layers = []
    for fan_in, fan_out in zip(sizes, sizes[1:]):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU(), nn.Dropout(DROPOUT)]
    return ready(nn.Sequential(*layers[:-2]))


def convolutional():
    conv = lambda channels: [nn.Conv2d(channels, 64, 3), nn.ReLU()]
    pool = lambda: nn.MaxPool2d(2)
    model = nn.Sequential(*conv(1), pool(), *conv(64), pool(), *conv(64), nn.Flatten(), nn.Dropout(0.2), nn.Linear(576, 10))
    return ready(model.to(memory_format=torch.channels_last))


class Recurrent(nn.Module):
    """The last state of an RNN, whose inputs lose the same features at all steps."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(28, 256, batch_first=True)

    def forward(self, x):
        if self.training:
            x = x * nn.functional.dropout(torch.ones_like(x[:, :1]), 0.2)
        return self.rnn(x)[1][0]


def recurrent():
    model, _ = ready(nn.Sequential(Recurrent(), nn.Linear(256, 10)))
    return model, torch.optim.SGD(model.parameters(), 1e-2)


def ready(model):
    """Draws the weights, and returns the model and its optimizer."""
    for layer in model:
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    return model, torch.optim.Adam(model.parameters(), 1e-3, eps=1e-7, fused=True if COMPILE else None)


loss_of = nn.CrossEntropyLoss()


def trainer(model):
    """Returns the loss of a batch, with the gradients to come."""
    return compiled(lambda x, y: loss_of(model(x), y))


def step(loss, optimizer, x, y):
    optimizer.zero_grad(set_to_none=True)
    loss(x, y).backward()
    optimizer.step()


class Sequence(nn.Module):
    """A number of the last states of a recurrent layer, or of the mean of an encoder's steps."""

    def __init__(self, kind):
        super().__init__()
        self.words = nn.Embedding(kind.words, kind.features) if kind.words else nn.Identity()
        if kind.layer == "Encoder":
            layer = nn.TransformerEncoderLayer(kind.units, ENCODER_HEADS, ENCODER_INNER, dropout=0, batch_first=True)
            self.layer = nn.TransformerEncoder(layer, ENCODER_LAYERS, enable_nested_tensor=False)
        else:
            self.layer = getattr(nn, kind.layer)(kind.features, kind.units, batch_first=True, bidirectional=kind.both)
        self.head = nn.Linear(kind.units * (2 if kind.both else 1), 1)

    def forward(self, x):
        y = self.layer(self.words(x))
        if isinstance(y, torch.Tensor):
            return self.head(y.mean(1))
        state = y[1][0] if isinstance(y[1], tuple) else y[1]
        return self.head(torch.cat(list(state), 1))


@functools.cache
def sequence_call(kind, steps, training):
    """Returns what is timed."""
    kind = SEQUENCE_KINDS[kind]
    model = Sequence(kind)
    x = torch.from_numpy(sequences(kind, steps))
    if not training:
        model.eval()
        call = compiled(model)

        def predict():
            torch.backends.mha.set_fastpath_enabled(steps <= 256)  # it stores the weights of all pairs of steps, and is slower where they are many
            with torch.inference_mode():
                return call(x)

        return predict
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, eps=1e-7, fused=True if COMPILE else None)
    loss = compiled(lambda x, y: nn.functional.mse_loss(model(x), y))
    y = torch.zeros(kind.batch, 1)
    return lambda: step(loss, optimizer, x, y)


def sequence(*asked):
    return timed(sequence_call(*asked))


if SEQUENCES:
    serve({"sequence": sequence}, versions={"torch": torch.__version__})
    sys.exit()

x, y, xt, yt = [torch.from_numpy(a) for a in mnist()]
if CNN:
    x, xt = x.permute(0, 3, 1, 2), xt.permute(0, 3, 1, 2)
model, optimizer = convolutional() if CNN else recurrent() if RNN else network(SIZES)
train_loss = trainer(model)
first = None


def epoch():
    global first
    model.train()
    order = torch.randperm(len(x))
    for i in range(0, len(x), BATCH):
        rows = order[i : i + BATCH]
        step(train_loss, optimizer, x[rows], y[rows])
        first = first or time.time()
    model.eval()


@compiled
def measure(a, b):
    z = model(a)
    return loss_of(z, b), (z.argmax(1) == b).sum()


def evaluate(batch):
    loss, right = 0.0, 0
    with torch.inference_mode():
        for i in range(0, len(xt), batch):
            a, b = xt[i : i + batch], yt[i : i + batch]
            l, r = measure(a, b)
            loss += l.item() * len(a)
            right += r.item()
    return loss / len(xt), right / len(xt)


if sys.argv[1:] == ["program"]:
    for _ in range(EPOCHS):
        epoch()
    answer(first=first, accuracy=evaluate(BATCH)[1])
    sys.exit()


@compiled
def probabilities(a):
    return torch.softmax(model(a), 1)


def predict(a):
    with torch.inference_mode():
        return probabilities(torch.from_numpy(a)).numpy()


def scale(width, depth, batch):
    m, o = network([784] + [width] * depth + [10])
    a, b = torch.rand(batch, 784), torch.zeros(batch, dtype=torch.int64)
    return timed(step, trainer(m), o, a, b)


epoch()
serve({
    "epoch": lambda: once(epoch),
    "evaluate": lambda batch: timed(evaluate, batch),
    "predict": lambda rows: timed(predict, xt[:rows].numpy()),
    "scale": scale,
}, versions={"torch": torch.__version__})
