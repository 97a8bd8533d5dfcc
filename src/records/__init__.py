"""konsens.records"""
