"""Invented eyewear master data: products and stores, made by a seeded generator."""
