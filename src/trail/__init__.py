"""konsens.trail"""
