"""What the commands' tests share."""

import pytest

from uncone.encoder import TransformerEncoder


@pytest.fixture(autouse=True)
def only_shared_runs_are_drawn(undrawn):
    """Those of fixtures for a module, as they come before this one."""


@pytest.fixture
def encoded(monkeypatch) -> list[str]:
    """Every text that passes through a transformer while the test runs."""
    texts: list[str] = []
    for name in ("pooled", "encode_tokens", "encode_layers", "token_batches"):
        method = getattr(TransformerEncoder, name)

        def recorded(self, given, *args, method=method, **options):
            texts.extend(given)
            return method(self, given, *args, **options)

        monkeypatch.setattr(TransformerEncoder, name, recorded)
    return texts
