"""What a model card asks its author. Apart from the card, for reports of data import no torch."""

from __future__ import annotations

from stages.publication.questionnaire import Question, Section

QUESTIONS = (
    Section("Intended use", (
        Question("model_use", "What is it for, and for whom?"),
        Question("model_not_for", "What should it not be used for?"),
        Question("model_limits", "What is known of its faults?"),
    )),
)  # fmt: skip
