"""The authors' files become a network: layouts by hand, and a file given as text."""

import jax
import numpy as np
from scipy.io import savemat

from jaxrepro.papers.srcnn import port


def test_layers_of_a_file_given_as_text_or_path(tmp_path):
    path, rng = tmp_path / "x3.mat", np.random.default_rng(0)
    shapes = {"conv1": (9, 4), "conv2": (4, 1, 2), "conv3": (2, 9)}
    arrays = {f"weights_{layer}": rng.normal(size=shape) for layer, shape in shapes.items()}
    arrays |= {f"biases_conv{i}": rng.normal(size=(n, 1)) for i, n in ((1, 4), (2, 2), (3, 1))}
    savemat(path, arrays)
    module, variables = port.from_mat(str(path))
    same, equal = port.from_mat(path)
    assert module == same and (module.kernels, module.widths) == ((3, 1, 3), (4, 2))
    jax.tree.map(np.testing.assert_array_equal, variables, equal)
    first, _, last = (variables["params"][name] for name in module.layer_names)
    for row in range(3):
        for column in range(3):
            # Squares are written column by column.
            place = 3 * column + row
            want = np.float32(arrays["weights_conv1"][place])
            np.testing.assert_array_equal(first["kernel"][row, column, 0], want)
            want = np.float32(arrays["weights_conv3"][:, place])
            np.testing.assert_array_equal(last["kernel"][row, column, :, 0], want)
    np.testing.assert_array_equal(last["bias"], np.float32(arrays["biases_conv3"][0]))
