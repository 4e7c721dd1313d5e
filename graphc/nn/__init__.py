"""Layers, losses, metrics and models, in the conventions of Keras.

from graphc import nn

model = nn.Sequential([nn.Dense(512, activation="relu"), nn.Dense(10, activation="softmax")])
model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x_train, y_train, epochs=5, batch_size=128)
"""

from . import activations, callbacks, initializers, losses, metrics, regularizers
from .dropout import TRAINING, Dropout
from .history import History
from .initializers import set_random_seed
from .layer import Input, Layer
from .layers import Activation, Dense, Flatten, Normalization, Rescaling, Reshape
from .merging import Add, Average, Concatenate, Maximum, Minimum, Multiply, Subtract, add, concatenate
from .model import Model
from .objective import TrainingGraph
from .saving import load_model
from .sequential import Sequential

__all__ = [
    "TRAINING",
    "Activation",
    "Add",
    "Average",
    "Concatenate",
    "Dense",
    "Dropout",
    "Flatten",
    "History",
    "Input",
    "Layer",
    "Maximum",
    "Minimum",
    "Model",
    "Multiply",
    "Normalization",
    "Rescaling",
    "Reshape",
    "Sequential",
    "Subtract",
    "TrainingGraph",
    "activations",
    "add",
    "callbacks",
    "concatenate",
    "initializers",
    "load_model",
    "losses",
    "metrics",
    "regularizers",
    "set_random_seed",
]
