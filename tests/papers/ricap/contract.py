"""What tests of all papers have to know of this one."""

VERBS_WITHOUT_NETWORK = ("compare", "show")
VERBS_OF_RUNS = ()
VERB_ARGUMENTS = {}
