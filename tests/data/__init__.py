"""Tests of `uncone.data`."""
