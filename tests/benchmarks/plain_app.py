"""The contender of `live`: a one-file Streamlit app as tutorials write it. `streamlit run tests/benchmarks/plain_app.py`.

A loop in the script trains the strategies side by side and draws one `st.plotly_chart` per epoch. The work is that of
tests/benchmarks/live.py: the ring of issue 2, eight strategies that differ in their class weights, one seed.
"""

import numpy as np
import plotly.graph_objects as go
import streamlit as st
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

ROWS, EPOCHS, BATCH, STRATEGIES = 10_000, 20, 128, 8

torch.set_num_threads(1)
st.title("Class weights")
epochs = st.number_input("Epochs", 1, 1000, EPOCHS)
if not st.button("Train"):
    st.stop()

draw = np.random.default_rng(0)
y = draw.choice(3, ROWS, p=[0.8, 0.15, 0.05])
angle = 2 * np.pi * y / 3
x = 2 * np.stack([np.cos(angle), np.sin(angle)], 1) + draw.normal(size=(ROWS, 2))
rows = TensorDataset(torch.tensor(x, dtype=torch.float32), torch.tensor(y))
counts = torch.bincount(rows.tensors[1]).float()

models, optimizers, criteria, losses = [], [], [], []
for i in range(STRATEGIES):
    model = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 3))
    models.append(model)
    optimizers.append(torch.optim.Adam(model.parameters(), lr=1e-3))
    criteria.append(nn.CrossEntropyLoss(weight=(counts.sum() / counts) ** (0.15 * i)))
    losses.append([])

loader = DataLoader(rows, batch_size=BATCH, shuffle=True)
place = st.empty()
for epoch in range(int(epochs)):
    for model, optimizer, criterion, history in zip(models, optimizers, criteria, losses, strict=True):
        total = 0.0
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss = criterion(model(inputs), targets)
            loss.backward()
            optimizer.step()
            total += loss.item()
        history.append(total / len(loader))
    figure = go.Figure([go.Scatter(x=list(range(1, epoch + 2)), y=history, name=f"s{i}") for i, history in enumerate(losses)])
    place.plotly_chart(figure, key=f"epoch {epoch}")
st.write("finished")
