"""Writes biggan_32.npz and biggan_64.npz by running the author's PyTorch code, unmodified.

    python tests/golden/make_biggan.py CHECKOUT    # of ajbrock/BigGAN-PyTorch at 98459431a5d6

Needs torch (2.13 was used, on CPU). What is in the files: README.md, beside this one.
"""

import pathlib
import sys

import numpy as np
import torch

BATCH = 3
# One of every 3 pixels of an image is kept along both sides, to keep the files small.
STRIDE = 3


def randomized(network: torch.nn.Module, seed: int) -> torch.nn.Module:
    """Returns the network, moved off its initial values to ones that float16 holds exactly."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            noise = torch.randn(tensor.shape, generator=generator)
            if name.endswith("stored_var"):
                tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
            elif name.endswith(("gain", "gamma")):
                tensor.copy_(1 + 0.3 * noise)
            else:
                tensor.add_(0.2 * noise)
            tensor.copy_(tensor.half().float())
    return network


def record(out: dict, prefix: str, arrays) -> None:
    for name, array in arrays:
        out[prefix + name] = array.detach().numpy().copy()


def run(author, common: dict, g_args: dict, d_args: dict, seed: int) -> dict:
    torch.manual_seed(seed)
    g = randomized(author.Generator(**common, **g_args), seed + 1)
    d = randomized(author.Discriminator(**common, **d_args), seed + 2)
    out: dict[str, np.ndarray] = {}
    for prefix, network in (("G/", g), ("D/", d)):
        record(out, prefix, network.state_dict().items())
        for name in [key for key in out if key.startswith(prefix)]:
            out[name] = out[name].astype(np.float16)
    num_classes, side = common["n_classes"], common["resolution"]
    z = torch.randn(BATCH, g.dim_z)
    y, y_real = torch.randint(num_classes, (2, BATCH))
    small = torch.randint(256, (BATCH, 3, side // 4, side // 4)).float() / 127.5 - 1
    x = small.repeat_interleave(4, 2).repeat_interleave(4, 3)
    record(out, "in/", {"z": z, "y": y, "y_real": y_real, "x_real_quarter": small}.items())

    def generate():
        return g(z, g.shared(y))

    with torch.no_grad():
        g.eval()
        d.eval()
        out["out/G_eval"] = generate()[:, :, ::STRIDE, ::STRIDE].numpy()
        out["out/D_eval"] = d(x, y_real).numpy()
    g.train()
    d.train()
    saved = [{k: v.clone() for k, v in network.state_dict().items()} for network in (g, d)]
    images = generate()
    out["out/G_train"] = images.detach()[:, :, ::STRIDE, ::STRIDE].numpy()
    logits = d(torch.cat([images.detach(), x]), torch.cat([y, y_real]))
    out["out/D_train_fake_then_real"] = logits.detach().numpy()
    for prefix, network in (("after/G/", g), ("after/D/", d)):
        record(out, prefix, network.named_buffers())
    fake, real = logits.split(BATCH)
    loss = torch.relu(1 - real).mean() + torch.relu(1 + fake).mean()
    loss.backward()
    for name, p in d.named_parameters():
        out["gradnorm/D/" + name] = p.grad.norm().numpy()
    for network, state in zip((g, d), saved, strict=True):
        network.load_state_dict(state)
    g_loss = -d(generate(), y).mean()
    g_loss.backward()
    out["grad/D_loss"], out["grad/G_loss"] = loss.detach().numpy(), g_loss.detach().numpy()
    for name, p in g.named_parameters():
        out["gradnorm/G/" + name] = p.grad.norm().numpy()
        if p.numel() < 100:
            out["grad/G/" + name] = p.grad.numpy().copy()
    return out


def main() -> None:
    sys.path.insert(0, sys.argv[1])
    import BigGAN as author  # noqa: N813

    here = pathlib.Path(__file__).parent
    common = {"resolution": 32, "n_classes": 5, "SN_eps": 1e-8, "adam_eps": 1e-8}
    plain = {"G_ch": 2, "dim_z": 6, "G_attn": "0", "G_shared": False, "BN_eps": 1e-5}
    np.savez_compressed(
        here / "biggan_32.npz", **run(author, common, plain, {"D_ch": 2, "D_attn": "0"}, 0)
    )
    common |= {"resolution": 64, "SN_eps": 1e-6}
    full = {"G_ch": 2, "dim_z": 15, "shared_dim": 6, "hier": True, "G_attn": "32", "BN_eps": 1e-4}
    np.savez_compressed(
        here / "biggan_64.npz", **run(author, common, full, {"D_ch": 2, "D_attn": "8"}, 10)
    )


if __name__ == "__main__":
    main()
