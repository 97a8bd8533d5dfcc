"""konsens.registry"""
