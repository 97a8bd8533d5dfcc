"""The registry: a hash-chained log of seals in public formats, and everything that is proven about it."""
