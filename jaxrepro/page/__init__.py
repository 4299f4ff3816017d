"""The page of a run: one HTML file that shows what it was and what came out."""

from jaxrepro.page.live import LivePage
from jaxrepro.page.write import draw_after_run, write_page

__all__ = ["LivePage", "draw_after_run", "write_page"]
