"""The day series of a register: what it used in each slot of a local day, and what looks odd.

Behind ingest and beside billing: nothing here changes a reading or blocks a line.
"""
