"""Tests of `uncone.tasks`."""
