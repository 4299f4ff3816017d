"""Pairs to train on: a degraded picture and the true one."""
