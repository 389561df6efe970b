"""The chapter's network in bare PyTorch: one tensor of all digits, batches by index, Adam's default implementation. With
the argument "program" it is the whole program. "scale WIDTH DEPTH BATCH" is a step of a network of other sizes."""

import sys
import time

from contender import BATCH, DROPOUT, EPOCHS, SIZES, THREADS, answer, mnist, once, serve, timed
import torch
from torch import nn

torch.set_num_threads(THREADS)
torch.manual_seed(1)


def network(sizes):
    layers = []
    for fan_in, fan_out in zip(sizes, sizes[1:]):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU(), nn.Dropout(DROPOUT)]
    model = nn.Sequential(*layers[:-2])
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    return model, torch.optim.Adam(model.parameters(), 1e-3, eps=1e-7)


loss_of = nn.CrossEntropyLoss()


def step(model, optimizer, x, y):
    optimizer.zero_grad(set_to_none=True)
    loss = loss_of(model(x), y)
    loss.backward()
    optimizer.step()


x, y, xt, yt = [torch.from_numpy(a) for a in mnist()]
model, optimizer = network(SIZES)
first = None


def epoch():
    global first
    model.train()
    order = torch.randperm(len(x))
    for i in range(0, len(x), BATCH):
        rows = order[i : i + BATCH]
        step(model, optimizer, x[rows], y[rows])
        first = first or time.time()
    model.eval()


def evaluate(batch):
    loss, right = 0.0, 0
    with torch.inference_mode():
        for i in range(0, len(xt), batch):
            z = model(xt[i : i + batch])
            loss += loss_of(z, yt[i : i + batch]).item() * len(z)
            right += (z.argmax(1) == yt[i : i + batch]).sum().item()
    return loss / len(xt), right / len(xt)


if sys.argv[1:] == ["program"]:
    for _ in range(EPOCHS):
        epoch()
    answer(first=first, accuracy=evaluate(BATCH)[1])
    sys.exit()


def predict(a):
    with torch.inference_mode():
        return torch.softmax(model(torch.from_numpy(a)), 1).numpy()


def scale(width, depth, batch):
    m, o = network([784] + [width] * depth + [10])
    a, b = torch.rand(batch, 784), torch.zeros(batch, dtype=torch.int64)
    return timed(step, m, o, a, b)


epoch()
serve({
    "epoch": lambda: once(epoch),
    "evaluate": lambda batch: timed(evaluate, batch),
    "predict": lambda rows: timed(predict, xt[:rows].numpy()),
    "scale": scale,
}, versions={"torch": torch.__version__})
