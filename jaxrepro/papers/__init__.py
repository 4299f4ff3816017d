"""One package per paper. A paper never imports another paper."""
