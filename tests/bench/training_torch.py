"""Training samples a second of three small networks in PyTorch, and a product of matrices in numpy, on one thread."""

import json
import time

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)


def samples_a_second(network, x, y, loss, steps):
    rule = torch.optim.SGD(network.parameters(), lr=0.01)

    def run():
        begin = time.perf_counter()
        for _ in range(steps):
            rule.zero_grad()
            loss(network(x), y).backward()
            rule.step()
        return time.perf_counter() - begin

    return steps * len(x) / min(run() for _ in range(4))


small = nn.Sequential(nn.Linear(2, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))
points = torch.randn(10, 2)
dense = nn.Sequential(nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, 10))
convolutional = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2),
    nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2),
    nn.Flatten(), nn.Linear(16 * 49, 10),
)


def labels(n):
    return torch.arange(n) % 10


def product(n=1024):
    a, b = (np.random.default_rng(0).normal(size=(n, n)).astype(np.float32) for _ in range(2))

    def run():
        begin = time.perf_counter()
        a @ b
        return time.perf_counter() - begin

    return 2 * n**3 / min(run() for _ in range(6)) / 1e9


print(json.dumps({
    "small": samples_a_second(small, points, points.prod(1, keepdim=True).sign(), nn.MSELoss(), 2000),
    "dense": samples_a_second(dense, torch.rand(128, 784), labels(128), nn.CrossEntropyLoss(), 100),
    "convolutional": samples_a_second(convolutional, torch.rand(32, 1, 28, 28), labels(32), nn.CrossEntropyLoss(), 100),
    "product": product(),
}))
