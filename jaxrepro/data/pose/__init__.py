"""People with joints: the sets, how a person is cut out, target maps."""
