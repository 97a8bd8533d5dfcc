"""konsens: self-sovereign customer identity and consent."""

__version__ = "0.1.0"
__all__ = ["__version__"]
