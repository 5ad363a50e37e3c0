"""The engine beside rule engines: the same promotions, the same baskets, the same discounts, one process."""
