"""konsens.did"""
