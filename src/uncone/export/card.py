"""The model card and the description that travel in every exported folder."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import uncone
from uncone.encoder import Encoder, TransformerEncoder
from uncone.removal import Correction, Removal
from uncone.report.tables import outcome, verdict
from uncone.tasks.row import GEOMETRY, Row
from uncone.tasks.table import markdown_table

SOURCES = {
    "all_but_the_top": "Mu & Viswanath, All-but-the-Top, ICLR 2018, https://arxiv.org/abs/1702.01417",
    "conceptor": "Liu, Ungar & Sedoc, Unsupervised Post-processing of Word Vectors via Conceptor Negation, AAAI 2019, "
    "https://arxiv.org/abs/1811.11001",
    "whitening": "Su et al., Whitening Sentence Representations, 2021, https://arxiv.org/abs/2103.15316",
    "soft_zca": "Diera et al., Isotropy Matters: Soft-ZCA Whitening, 2024, https://arxiv.org/abs/2411.17538",
    "zipfian": "Yokoi et al., Zipfian Whitening, NeurIPS 2024",
    "renormalize": "https://arxiv.org/abs/2511.11041",
    "learned": "Liang et al., Learning to Remove, ICANN 2021, https://arxiv.org/abs/2104.05274",
    "clustered": "Rajaee & Pilehvar, A Cluster-based Approach for Improving Isotropy, ACL 2021, "
    "https://arxiv.org/abs/2106.01183",
}
TRAINED_ON = "trained_on"  # the setting that describes the pairs a removal learned from
MEASURES = {
    "mean_cosine": "mean cosine",
    "log10_isotropy": "log₁₀ I(V)",
    "isoscore": "IsoScore",
    "lid": "local dimension",
    "frequency_pc1": "\\|r\\| of component 1 with log frequency",
}
NOT_HELPED = {
    "hurts": "**This removal makes the encoder worse on what was measured. Use the raw encoder.**",
    "changes nothing for sure": "**Nothing that was measured shows that removal helps this encoder.**",
    "helps some tasks and hurts others": "**This removal does not help everywhere: see which task is yours.**",
}


@dataclass(frozen=True)
class Evidence:
    """What is known of the effect of a removal.

    Attributes:
        removal: how the rows call it.
        rows: of results.json, for "none" and the removal, geometry included.
        origin: where they come from, in words.
        data: what the removal was learned on, in words; None if nothing.
    """

    removal: str
    rows: list[Row]
    origin: str
    data: str | None = None

    @property
    def tasks(self) -> list[Row]:
        """The rows of tasks."""
        return [row for row in self.rows if row.task != GEOMETRY]

    @property
    def geometry(self) -> list[Row]:
        """The rows of geometry."""
        return [row for row in self.rows if row.task == GEOMETRY]

    def verdict(self) -> str:
        """What the removal does for this encoder, in words a person can act on."""
        if self.removal == "none":
            return "Nothing is removed: these are the vectors of the raw encoder."
        if not self.tasks:
            return "The effect of this removal on the encoder was not measured."
        remark = NOT_HELPED.get(outcome(self.tasks, self.removal))
        return verdict(self.tasks, self.geometry, self.removal) + (f" {remark}" if remark else "")


def description(encoder: Encoder, removal: Correction, library: str) -> str:
    """uncone.json: what was exported, and by which version."""
    reading: dict[str, Any] = {"pooling": encoder.pooling, "dimension": encoder.dimension}
    if isinstance(encoder, TransformerEncoder):
        reading |= {"special_tokens": encoder.special_tokens, "max_length": encoder.max_length}
    content = {
        "uncone": uncone.__version__,
        "library": library,
        "encoder": {**encoder.identity, **reading},
        "removal": {"kind": removal.kind, "method": removal.method, "settings": dict(_without_data(removal).settings)},
    }
    return json.dumps(content, indent=1)


def card(encoder: Encoder, removal: Correction, evidence: Evidence, usage: str, library: str) -> str:
    """README.md of an exported folder."""
    name = _plain(encoder.name)
    source = SOURCES.get(removal.method)
    parts = [
        _front_matter(library),
        f"# {name}, layers {encoder.layers}, corrected",
        f"The vectors of {name} after a removal of dominant components, made with uncone {uncone.__version__}.",
        "## Use",
        usage,
        "## What it is",
        *_facts(encoder, removal, evidence),
        "## Effect",
        evidence.verdict(),
        *_measured(evidence),
        "## Limits",
        "\n".join(f"- {limit}" for limit in _limits(encoder, removal)),
        "## Licence",
        f"That of {name}, whose weights these are; the removal adds no condition.",
        "## Cite",
        f"uncone {uncone.__version__}: learned post-processing of frozen text encoders"
        + (f"; and for the method: {source}." if source else "."),
    ]
    return "\n\n".join(parts) + "\n"


def _front_matter(library: str) -> str:
    tags = ["feature-extraction", "sentence-similarity", "uncone"]
    return "\n".join(["---", f"library_name: {library}", "tags:", *(f"- {tag}" for tag in tags), "---"])


def _facts(encoder: Encoder, removal: Correction, evidence: Evidence) -> list[str]:
    pooling = encoder.pooling
    if isinstance(encoder, TransformerEncoder):
        pooling += ", with special tokens" if encoder.special_tokens else ", without special tokens"
    facts: dict[str, str | None] = {
        "encoder": f"{_plain(encoder.name)} (hash {encoder.hash})",
        "layers": f"{encoder.layers}, of {encoder.dimension} dimensions",
        "pooling": pooling,
        "method": _plain(_without_data(removal).describe()),
        "learned on": evidence.data,
    }
    if isinstance(encoder, TransformerEncoder):
        facts["length"] = f"at most {encoder.max_length} tokens; longer texts are cut"
    lines = ["| | |", "| --- | --- |", *(f"| {key} | {value} |" for key, value in facts.items() if value)]
    formula = (
        "The map is e ↦ (e − c)(I − U diag(w) Uᵀ), in `removal/` as safetensors and JSON. With numpy alone:\n\n"
        "```python\n"
        "from safetensors.numpy import load_file\n\n"
        'part = load_file("FOLDER/removal/removal.safetensors")\n'
        'centred, U = raw - part["centre"], part["components"]\n'
        'vectors = centred + (centred @ U * (part["gains"] - 1)) @ U.T\n'
        "```"
    )
    clustered = "Each cluster has its own map; it is no single affine one. It is in `removal/` as safetensors and JSON."
    return ["\n".join(lines), formula if isinstance(removal, Removal) else clustered]


def _measured(evidence: Evidence) -> list[str]:
    """Tables of scores and geometry, before and after."""
    if not evidence.tasks:
        return []
    values = {(row.removal, row.metric): row.value for row in evidence.geometry}
    removals = dict.fromkeys(removal for removal, _ in values)
    lines = [f"| probe | {' | '.join(MEASURES.values())} |", f"| --- |{' ---: |' * len(MEASURES)}"]
    for removal in removals:
        lines.append(f"| {removal} | {' | '.join(f'{values[removal, measure]:.2f}' for measure in MEASURES)} |")
    return [f"{evidence.origin}:", markdown_table(evidence.tasks).strip(), "\n".join(lines)]


def _limits(encoder: Encoder, removal: Correction) -> list[str]:
    limits = [
        "Compare corrected vectors with corrected ones only: documents and queries go through the same map.",
        "The removal belongs to this encoder and these layers. On others it has no meaning.",
        "Figures are those of the tasks above, most of them English and small; they say little of other languages and "
        "domains.",
    ]
    if isinstance(encoder, TransformerEncoder) and not encoder.special_tokens:
        limits.append(
            "Special tokens are told apart by their type. A text that spells one, such as [SEP], is pooled without it."
        )
    limits.append("An empty text has no tokens to average; what comes out for it means nothing.")
    return limits


def _without_data(removal: Correction) -> Correction:
    """A removal whose settings leave out which pairs it learned from: the card says so in words."""
    return replace(removal, settings={k: v for k, v in removal.settings.items() if k != TRAINED_ON})  # type: ignore[type-var]


def shareable(removal: Correction) -> Correction:
    """A removal that does not tell where on this machine the pairs it learned from lie, only what they are called."""
    if TRAINED_ON not in removal.settings:
        return removal
    told = {
        key: [Path(name).name for name in value] if isinstance(value, list) and key.endswith("sets") else value
        for key, value in removal.settings[TRAINED_ON].items()
    }
    return removal.with_settings(**{TRAINED_ON: told})


def _plain(text: str) -> str:
    """A name as Markdown shows it letter by letter, on one line."""
    return re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", " ".join(text.split()))
