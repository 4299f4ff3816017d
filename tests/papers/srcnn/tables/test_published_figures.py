import pytest

from jaxrepro.papers.srcnn.tables import published

CARD = {"name": "srcnn", "kernels": [9, 1, 5], "widths": [64, 32], "channels": 1}


def figures(card, sets=("set5",), scale=3, degradation="matlab-bicubic"):
    found = published.references(card, sets=sets, scale=scale, degradation=degradation)
    return [(row.name, row.value, row.protocol.partition(";")[0]) for row in found.rows]


def test_figures_belong_to_network_set_and_scale():
    bicubic = "bicubic interpolation"
    assert figures(CARD) == [
        ("set5/psnr", 32.39, "9-1-5 trained on 91 images"),
        ("set5/psnr", 32.52, "9-1-5 trained on ImageNet"),
        ("set5/psnr_bicubic", 30.39, bicubic),
        ("set5/ssim_bicubic", 0.8682, bicubic),
    ]
    assert figures({**CARD, "kernels": [9, 5, 5]}, ("set14", "bsd"), 4)[:2] == [
        ("set14/psnr", 27.5, "9-5-5 trained on ImageNet"),
        ("set14/ssim", 0.7513, "9-5-5 trained on ImageNet"),
    ]


@pytest.mark.parametrize(
    "changed", [{"widths": [128, 64]}, {"kernels": [9, 1, 1, 5]}, {"channels": 3}]
)
def test_other_networks_have_the_figure_of_bicubic_only(changed):
    assert [name for name, *_ in figures({**CARD, **changed})] == [
        "set5/psnr_bicubic",
        "set5/ssim_bicubic",
    ]


@pytest.mark.parametrize(
    "given", [{"degradation": "gauss-bicubic"}, {"scale": 5}, {"sets": ("photos_test",)}]
)
def test_other_tasks_have_none(given):
    assert figures(CARD, **given) == []


@pytest.mark.parametrize(
    ("card", "name"),
    [
        ({"name": "fsrcnn", "features": 56, "shrunk": 12, "mappings": 4}, "FSRCNN(56,12,4)"),
        ({"name": "espcn", "kernels": [5, 3, 3], "widths": [64, 32]}, "ESPCN 5-3-3"),
    ],
)
def test_the_outlook_has_its_figures(card, name):
    assert published.network_name({**card, "channels": 1}) == name
    assert figures({**card, "channels": 1})[0][2] == f"{name} trained on 91 images"


def test_baselines_are_levels_and_every_result_has_its_meaning():
    found = published.references(CARD, sets=("set5",), scale=3, degradation="matlab-bicubic")
    levels = found.levels["set5/psnr"]
    assert list(levels.values()) == ["set5/psnr_bicubic", "set5/psnr_linear"]
    for measure in ("psnr", "ssim"):
        for method in ("", "_bicubic", "_linear"):
            assert found.descriptions[f"set5/{measure}{method}"]
    assert all("3 pixels shaved off" in row.protocol for row in found.rows)


def test_files_of_the_release_are_known_by_their_content(data_folder):
    root = data_folder / "data" / "sr" / "official_weights"
    for path in sorted(root.glob("*/x*.mat")):
        found = published.released(path.read_bytes())
        assert found is not None
        assert f"{found.network}({found.training})/x{found.scale}.mat" == "/".join(path.parts[-2:])
    assert published.released(b"another") is None
