"""How parameters move: optimizers as graph, `updates = optim.Adam(1e-3).updates(loss, params)`.

The formulas and defaults are Keras 3's. What an optimizer remembers between steps are params like any other, so a
compiled step updates them natively, together with the parameters themselves.
"""

from .adam import Adam
from .optimizer import Optimizer, get
from .rmsprop import RMSprop
from .sgd import SGD

__all__ = ["SGD", "Adam", "Optimizer", "RMSprop", "get"]
