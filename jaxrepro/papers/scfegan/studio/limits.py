"""How much one request may bring, and how many may wait."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Limits:
    """Bounds on what the server takes.

    max_bytes: of one request. max_pixels: of a picture. max_strokes, max_points: of a drawing,
    points over all its strokes. max_results: of one edit. max_waiting: requests that wait for the
    one that is worked on. upload_seconds: for a request to arrive.
    """

    max_bytes: int = 64 * 2**20
    max_pixels: int = 16_000_000
    max_strokes: int = 20_000
    max_points: int = 400_000
    max_results: int = 4
    max_waiting: int = 8
    upload_seconds: float = 60
