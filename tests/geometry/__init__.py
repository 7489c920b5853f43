"""Tests of uncone.geometry."""
