"""Stand-ins for published weights: the names and shapes of each layout, values by a rule."""

import itertools
import zlib

import numpy as np

WIDTHS = (16, 16, 8, 4, 2, 1)  # Of the generator at 128 pixels, in units of ch.


def by_rule(name, shape):
    """The values that the golden script gave the published code for an array of that name."""
    x = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape)
    if "var" in name:
        x = np.exp(0.3 * x)
    elif name.endswith(("gain", "gamma", "gamma/ema_b999900:0", "generator.bn.weight")):
        x = 1 + 0.3 * x
    elif len(shape) < 2:
        x = 0.3 * x
    elif "Generator/" in name and "/w/" in name:
        x = 30 * x
    return np.asarray(x, np.float32)


def filled(shapes):
    return {name: by_rule(name, shape) for name, shape in shapes.items()}


def normalized(names):
    """The author's arrays of spectrally normalised layers."""
    shapes = {}
    for name, weight, has_bias in names:
        shapes |= {f"{name}.weight": weight, f"{name}.u0": (1, weight[0]), f"{name}.sv0": (1,)}
        if has_bias:
            shapes[f"{name}.bias"] = (weight[0],)
    return shapes


def author_attention(prefix, c):
    parts = {"theta": (c // 8, c), "phi": (c // 8, c), "g": (c // 2, c), "o": (c, c // 2)}
    layers = [(f"{prefix}.{part}", (*s, 1, 1), False) for part, s in parts.items()]
    return normalized(layers) | {f"{prefix}.gamma": ()}


def author_generator(ch=8, chunk=4, shared_dim=12, num_classes=5):
    layers = [("linear", (16 * 16 * ch, chunk), True), ("output_layer.2", (3, ch, 3, 3), True)]
    shapes = {"shared.weight": (num_classes, shared_dim)}
    for i, (before, after) in enumerate(itertools.pairwise(ch * w for w in WIDTHS)):
        block = f"blocks.{i}.0"
        layers += [
            (f"{block}.conv1", (after, before, 3, 3), True),
            (f"{block}.conv2", (after, after, 3, 3), True),
            (f"{block}.conv_sc", (after, before, 1, 1), True),
        ]
        for norm, c in (("bn1", before), ("bn2", after)):
            for part in ("gain", "bias"):
                layers.append((f"{block}.{norm}.{part}", (c, shared_dim + chunk), False))
            shapes |= {f"{block}.{norm}.stored_{x}": (c,) for x in ("mean", "var")}
    for x in ("gain", "bias", "stored_mean", "stored_var"):
        shapes[f"output_layer.0.{x}"] = (ch,)
    return filled(shapes | normalized(layers) | author_attention("blocks.3.1", 2 * ch))


def author_discriminator(ch=8, num_classes=5):
    layers = [("linear", (1, 16 * ch), True), ("embed", (num_classes, 16 * ch), False)]
    widths = [3, *(ch * w for w in (1, 2, 4, 8, 16, 16))]
    for i, (before, after) in enumerate(itertools.pairwise(widths)):
        layers.append((f"blocks.{i}.0.conv1", (after, before, 3, 3), True))
        layers.append((f"blocks.{i}.0.conv2", (after, after, 3, 3), True))
        if i < 5:
            layers.append((f"blocks.{i}.0.conv_sc", (after, before, 1, 1), True))
    return filled(normalized(layers) | author_attention("blocks.0.1", ch))


def tfhub_generator(
    ch=8, chunk=20, shared_dim=128, num_classes=5, widths=WIDTHS, attention_width=2
):
    average = "/ema_b999900:0"
    shapes = {f"module/linear/w{average}": (num_classes, shared_dim)}

    def normalized_layer(name, weight, has_bias):
        name = f"module/Generator/{name}"
        shapes[f"{name}/w{average}"] = weight
        shapes[f"{name}/u0:0"] = (1, weight[-1])
        shapes[f"{name}/u1:0"] = (1, int(np.prod(weight[:-1])))
        if has_bias:
            shapes[f"{name}/b{average}"] = weight[-1:]

    def moments(name, channels):
        shapes[f"module/Generator/{name}/accumulated_mean:0"] = (channels,)
        shapes[f"module/Generator/{name}/accumulated_var:0"] = (channels,)
        shapes[f"module/Generator/{name}/accumulation_counter:0"] = ()

    for i, (before, after) in enumerate(itertools.pairwise(ch * w for w in widths)):
        block = f"GBlock_{i}" if i else "GBlock"
        normalized_layer(f"{block}/conv0", (3, 3, before, after), True)
        normalized_layer(f"{block}/conv1", (3, 3, after, after), True)
        normalized_layer(f"{block}/conv_sc", (1, 1, before, after), True)
        for suffix, c in (("", before), ("_1", after)):
            for part in ("gamma", "beta"):
                weight = (chunk + shared_dim, c)
                normalized_layer(f"{block}/HyperBN{suffix}/{part}", weight, False)
            moments(f"{block}/CrossReplicaBN{suffix}", c)
    c = attention_width * ch
    for part, outputs in (("theta", c // 8), ("phi", c // 8), ("g", c // 2)):
        normalized_layer(f"attention/{part}", (1, 1, c, outputs), False)
    normalized_layer("attention/o_conv", (1, 1, c // 2, c), False)
    shapes[f"module/Generator/attention/gamma{average}"] = (1,)
    normalized_layer("G_Z/G_linear", (chunk, 16 * 16 * ch), True)
    normalized_layer("conv_2d", (3, 3, ch * widths[-1], 3), True)
    for part in ("beta", "gamma"):
        name = f"module/Generator/ScaledCrossReplicaBN/{part}{average}"
        shapes[name] = (1, 1, 1, ch * widths[-1])
    moments("ScaledCrossReplicaBNbn", ch * widths[-1])
    return filled(shapes)


def huggingface_generator(ch=4, dim_z=8, num_classes=5, num_levels=51):
    shapes = {"embeddings.weight": (dim_z, num_classes)}

    def layer(name, weight, has_bias=True):
        shapes[f"{name}.weight_orig"] = weight
        shapes[f"{name}.weight_u"] = weight[:1]
        if has_bias:
            shapes[f"{name}.bias"] = weight[:1]

    def moments(name, channels):
        shapes[f"{name}.running_means"] = (num_levels, channels)
        shapes[f"{name}.running_vars"] = (num_levels, channels)

    def block(index, before, after):
        name, hidden = f"generator.layers.{index}", before // 4
        kernels = (
            (hidden, before, 1),
            (hidden, hidden, 3),
            (hidden, hidden, 3),
            (after, hidden, 1),
        )
        for i, (outputs, inputs, side) in enumerate(kernels):
            layer(f"{name}.conv_{i}", (outputs, inputs, side, side))
            moments(f"{name}.bn_{i}", inputs)
            for part in ("scale", "offset"):
                layer(f"{name}.bn_{i}.{part}", (inputs, 2 * dim_z), has_bias=False)

    layer("generator.gen_z", (16 * 16 * ch, 2 * dim_z))
    index = 0
    for before, after in itertools.pairwise(ch * w for w in WIDTHS):
        if index == 8:
            parts = {"theta": (1, 8), "phi": (1, 8), "g": (4, 8), "o_conv": (8, 4)}
            for part, (outputs, inputs) in parts.items():
                name = f"generator.layers.8.snconv1x1_{part}"
                layer(name, (outputs * ch // 4, inputs * ch // 4, 1, 1), has_bias=False)
            shapes["generator.layers.8.gamma"] = (1,)
            index += 1
        block(index, before, before)
        block(index + 1, before, after)
        index += 2
    moments("generator.bn", ch)
    shapes |= {"generator.bn.weight": (ch,), "generator.bn.bias": (ch,)}
    layer("generator.conv_to_rgb", (ch, ch, 3, 3))
    arrays = filled(shapes)
    # Vectors as the published ones were made: one step of the power iteration from given ones.
    for name in [name for name in arrays if name.endswith("weight_orig")]:
        base = name.removesuffix("orig")
        matrix = arrays[name].reshape(len(arrays[name]), -1).astype(np.float64)
        v = matrix.T @ arrays[f"{base}u"]
        v /= np.linalg.norm(v)
        u = matrix @ v
        arrays[f"{base}v"] = v.astype(np.float32)
        arrays[f"{base}u"] = (u / np.linalg.norm(u)).astype(np.float32)
    return arrays
