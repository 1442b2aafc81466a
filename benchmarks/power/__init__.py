"""Simulated studies with a known truth: how often does the verdict find a gain, and how often where none is?"""
