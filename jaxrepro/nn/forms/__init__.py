"""Equal forms of one operation, chosen by platform, beside the plain form that defines them."""
