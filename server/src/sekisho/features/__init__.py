"""True options, unknown to each other and to what lies below."""
