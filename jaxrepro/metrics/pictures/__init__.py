"""One picture beside the true one."""
