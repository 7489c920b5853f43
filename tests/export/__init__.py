"""Tests of uncone.export."""
