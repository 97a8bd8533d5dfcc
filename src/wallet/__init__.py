"""konsens.wallet"""
