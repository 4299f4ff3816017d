"""The framework: one loop, one state, one contract. It knows no paper."""
