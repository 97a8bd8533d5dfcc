"""konsens.consent"""
