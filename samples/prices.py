"""Prices as a shop writes them: 47.90, 182.50, 349.00."""


def shelf(cents: float) -> str:
    """The nearest usual price ending below or at the computed one, as a decimal string in units."""
    units = max(round(cents) // 100, 5)
    if units < 100:
        return f"{units - 1}.90"
    if units < 300:
        return f"{units - 1}.50"
    return f"{units // 10 * 10 - 1}.00"
