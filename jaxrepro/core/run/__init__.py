"""The folder of a run: what is in it, who holds it, what was started when."""
