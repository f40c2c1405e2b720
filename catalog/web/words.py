"""What the pages say, in English and in Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

from catalog.web.explorer.words import WORDS as EXPLORER

# key: (English, Chinese)
WORDS: dict[str, tuple[str, str]] = EXPLORER | {
    "labelling": ("Labelling", "标注"),
    "no_tasks": (
        "No task of params.yaml has a guideline. Name one under `guideline` of a task in label.tasks.",
        "params.yaml 中没有任务带有标注指南。请在 label.tasks 的任务下填写 `guideline`。",
    ),
    "rounds": ("Open rounds", "进行中的批次"),
    "no_rounds": ("None yet.", "暂无。"),
    "of": ("of", "/"),
    "answered": ("answered", "已回答"),
    "start": ("Start a round", "开始新批次"),
    "budget": ("Documents", "文档数"),
    "order": ("Order", "顺序"),
    "random": ("random", "随机"),
    "stratified": ("stratified", "分层"),
    "disagreement": ("disagreement", "分歧"),
    "uncertainty": ("uncertainty", "不确定性"),
    "suspects": ("suspected errors", "疑似错标"),
    "you": ("Your name", "您的名字"),
    "guideline": ("Guideline", "标注指南"),
    "text": ("Text", "正文"),
    "second": ("Second text", "第二段文本"),
    "document": ("Document", "文档"),
    "previous": ("Previous", "上一条"),
    "next": ("Save and go on", "保存并继续"),
    "skip": ("Skip", "跳过"),
    "skipped": ("skipped", "已跳过"),
    "nothing": ("Nothing applies", "均不适用"),
    "undo": ("Undo the last span", "撤销上一个片段"),
    "spans": ("Spans", "片段"),
    "relations": ("Relations", "关系"),
    "add": ("Add", "添加"),
    "write": ("Write", "填写"),
    "finish": ("Take in the answers", "导入回答"),
    "all_done": ("Every document of this round is answered.", "本批次的文档均已回答。"),
    "taken_in": ("Answers taken in", "回答已导入"),
    "build": ("Build the labels with `dvc repro label`.", "运行 `dvc repro label` 以更新标签。"),
    "back": ("Back", "返回"),
    "problem": ("This did not work", "操作未成功"),
    "shortcuts": (
        "Keys: 1-9 label · arrows and Shift choose words · Enter save · Backspace back · S skip · U undo · 0 none",
        "快捷键：1-9 标签 · 方向键与 Shift 选词 · Enter 保存 · Backspace 返回 · S 跳过 · U 撤销 · 0 无",
    ),
}
LANGUAGES = ("en", "zh")


def language_of(accepted: str) -> str:
    """The first of our languages in an Accept-Language header; English where there is none."""
    asked = (part.split(";")[0].strip().lower()[:2] for part in accepted.split(","))
    return next((language for language in asked if language in LANGUAGES), LANGUAGES[0])


def words_in(language: str, words: Mapping[str, tuple[str, str]] = WORDS) -> SimpleNamespace:
    """Every word of one language, by key."""
    return SimpleNamespace(**{key: texts[LANGUAGES.index(language)] for key, texts in words.items()})
