"""The editor in the browser: a page, and the server that draws the strokes and runs the network."""
