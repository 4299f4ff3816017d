"""Features of a small classifier trained on the data at hand, where no Inception file is given.

Its distances order the models of one data set. They are not FID, and compare with numbers of the
same network only: the network's name, with the hash of its weights, is part of every number.
"""
