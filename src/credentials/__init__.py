"""konsens.credentials"""
