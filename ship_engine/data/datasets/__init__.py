"""Data sets that tasks are made of; one a file, with where it comes from and what it holds.

A loader first looks into a folder of prepared files: its argument `folder`, or the one that the
environment variable SHIP_DATA names.  Otherwise it downloads the original files, with pooch, into
the user's cache, checks them, and prepares them.
"""
