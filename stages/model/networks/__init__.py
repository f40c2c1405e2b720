"""Networks: bodies, heads, and what they write and answer."""
