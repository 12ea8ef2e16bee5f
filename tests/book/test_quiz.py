"""The quiz: every chapter has its two questions, and each one right answer that says why."""

import re

import yaml

from tests.require import ROOT

TEXT = (ROOT / "book" / "quiz.md").read_text(encoding="utf-8")
CHAPTERS = re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]
OPTION = re.compile(r"^:::\{dropdown\} .+\n(Right|Wrong)\. (.+)", re.MULTILINE)


def questions(chapter):
    return re.split(r"^\*\*\d\. ", chapter, flags=re.MULTILINE)[1:]


def test_every_chapter_has_two_questions():
    # Both pages on labels share a part, so the quiz has one part less than there are chapters.
    pages = [
        page["file"]
        for part in yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))["parts"]
        for page in part["chapters"]
        if page["file"].startswith("notebooks/")
    ]
    assert len(CHAPTERS) == len(pages) - 1
    assert [len(questions(chapter)) for chapter in CHAPTERS] == [2] * len(CHAPTERS)


def test_every_question_has_one_right_answer_and_each_answer_a_reason():
    for chapter in CHAPTERS:
        for question in questions(chapter):
            told = OPTION.findall(question)
            assert len(told) == question.count(":::{dropdown}") >= 2, question
            assert [verdict for verdict, _ in told].count("Right") == 1, question
            assert all(len(why) > 20 for _, why in told), question


def test_the_right_answer_is_not_always_at_the_same_place():
    places = [
        [verdict for verdict, _ in OPTION.findall(question)].index("Right")
        for chapter in CHAPTERS
        for question in questions(chapter)
    ]
    assert 0.2 < places.count(0) / len(places) < 0.8
