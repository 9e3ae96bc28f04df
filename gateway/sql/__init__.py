"""The ports of the gateway in SQL, one dialect for both engines (see engine.py)."""
