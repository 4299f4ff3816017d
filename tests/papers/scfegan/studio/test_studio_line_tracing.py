import numpy as np
from scipy import ndimage

from jaxrepro.data.strokes.stroke_drawing import Stroke, draw_strokes
from jaxrepro.papers.scfegan.studio.line_tracing import suggest_strokes, trace_lines


def test_traced_lines_lie_on_the_lines():
    rng = np.random.default_rng(0)
    drawn = [Stroke(rng.uniform(4, 92, (4, 2)), 1) for _ in range(5)]
    angles = np.linspace(0, 2 * np.pi, 60)
    drawn.append(Stroke(50 + 30 * np.stack([np.cos(angles), np.sin(angles)], axis=1), 1))
    lines = draw_strokes(96, 96, drawn)[..., 0]
    polylines = trace_lines(lines)
    again = draw_strokes(96, 96, [Stroke(points, 1) for points in polylines])[..., 0]
    # The polylines may be .7 pixels off. Thinning keeps the middle of the blobs at acute crossings.
    assert ndimage.distance_transform_edt(lines == 0)[again > 0].max() <= 1.5
    assert ndimage.distance_transform_edt(again == 0)[lines > 0].max() <= 3
    assert sum(map(len, polylines)) < 0.5 * lines.sum()


def test_loops_dots_and_nothing():
    lines = np.zeros((12, 12), np.uint8)
    assert trace_lines(lines) == []
    lines[3, 4] = 1
    (dot,) = trace_lines(lines)
    np.testing.assert_array_equal(dot, [[4.5, 3.5]])


def test_edges_of_a_large_photo_are_found_at_the_working_size():
    sizes = []

    def edge_map(image):
        sizes.append(image.shape)
        edges = np.zeros((*image.shape[:2], 1), np.uint8)
        edges[:, image.shape[1] // 2] = 1
        return edges

    image = np.zeros((400, 300, 3), np.uint8)
    mask = np.zeros((400, 300, 1), np.uint8)
    mask[100:300, 100:200] = 1
    (stroke,) = suggest_strokes(image, mask, edge_map, side=79)
    # Rows 35 to 365 and columns 35 to 265: the mask and a margin of 199 // 4 + 16.
    assert sizes == [(79, 55, 3)]
    assert stroke.width == 4
    np.testing.assert_allclose(stroke.points[:, 0], 150, atol=0.01)
    # Within a pixel of the small picture, 4 of the large.
    np.testing.assert_allclose(np.sort(stroke.points[:, 1]), [100, 300], atol=6)
    assert suggest_strokes(image, np.zeros_like(mask), edge_map) == []
