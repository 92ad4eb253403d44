"""What the makers of golden values share."""

import keras
import numpy as np
from keras.src.backend.common import dtypes

TYPES = ("float32", "float64")


def use(dtype):
    """Have Keras compute in that type.

    On JAX, Keras narrows float64 to float32 inside tanh, sqrt, mean and others, which costs
    nine digits; on TensorFlow it does not. This gives it TensorFlow's entry of that table.
    """
    keras.backend.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = dtype


def same_type(like, **arrays):
    arrays = {name: np.asarray(array) for name, array in arrays.items()}
    assert all(array.dtype == like.dtype for array in arrays.values())
    return arrays


def compare(name, keras_path, torch_path):
    print(f"{name}: PyTorch and Keras differ by {np.abs(np.array(keras_path) - torch_path).max():.1e}")
