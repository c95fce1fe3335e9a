"""The page says what the record says, needs nothing from anywhere, and shows text as text."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from importlib import resources

import pytest
from tests.unit.core.search.simulator import random_simulation
from tests.unit.report import runs

from modelprofiler.api.status import Variable
from modelprofiler.api.trial import Outcome, Purpose, Size
from modelprofiler.metrics.series import series
from modelprofiler.report import page, text
from modelprofiler.report.record import RunRecord
from modelprofiler.report.result import Result

RUNS: dict[str, Callable[[], RunRecord]] = {
    "verified": runs.verified,
    "infeasible": runs.infeasible,
    "killed": runs.killed,
    "broken trials": runs.broken,
    "a grid": runs.grid,
    "one trial": runs.unfinished,
    "nothing yet": lambda: runs.unfinished(0),
    "rows without records": lambda: RunRecord(runs.verified().profile),
}
VOID = {"meta", "br", "hr", "img", "link", "input"}


@dataclass
class Node:
    """An element with everything in it."""

    tag: str
    attributes: dict[str, str | None]
    children: list[Node] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def all(self, tag: str, class_: str = "") -> list[Node]:
        """Return every element of a name and class below this one."""
        below = [n for c in self.children for n in c.all(tag, class_)]
        mine = self.tag == tag and set(class_.split()) <= set((self.attributes.get("class") or "").split())
        return ([self] if mine else []) + below

    @property
    def text(self) -> str:
        """All texts in it."""
        return " ".join([*self.texts, *(c.text for c in self.children)])


class Tree(HTMLParser):
    """Parses strictly: every element that begins ends, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open = [Node("", {})]
        self.feed(text)
        self.close()
        assert ["", "html"] == [n.tag for n in (self.open[0], self.open[0].children[0])]
        assert 1 == len(self.open)

    @property
    def root(self) -> Node:
        """The document."""
        return self.open[0]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, dict(attrs))
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop().tag

    def handle_data(self, data: str) -> None:
        self.open[-1].texts.append(data)


def parsed(record: RunRecord) -> Node:
    """Return the page of a run."""
    return Tree(page.render(record)).root


@pytest.mark.parametrize("name", RUNS)
def test_a_page_is_well_formed_and_refers_to_nothing_outside(name: str) -> None:
    """No script, no link, no address of any kind: it works offline, and nobody learns that it was opened."""
    text = page.render(RUNS[name]())
    root = Tree(text).root
    assert [] == [n.tag for tag in ("script", "link", "img", "iframe", "a", "object") for n in root.all(tag)]
    assert [] == re.findall(r"(?:https?:|url\(|@import|javascript:|\bon\w+=)", text)
    assert "en" == root.all("html")[0].attributes["lang"]


@pytest.mark.parametrize("name", RUNS)
def test_pictures_say_what_they_show(name: str) -> None:
    """To who does not see them; what is decoration is hidden."""
    for picture in parsed(RUNS[name]()).all("svg"):
        described = picture.attributes.get("role") == "img" and picture.attributes.get("aria-label")
        assert described or picture.attributes.get("aria-hidden") == "true"


def test_the_recommendation_comes_first() -> None:
    """With the trial that verified it, and as it stands in a manifest."""
    main = parsed(runs.verified()).all("main")[0]
    answer = main.children[1].text
    assert all(text in answer for text in ("Verified", "400m", "224Mi", "Trial 5 ran at exactly", "350m CPU is the"))
    assert "    cpu: 400m\n    memory: 224Mi" in main.all("code")[0].text


def test_variables_that_sized_thread_pools_stand_in_the_manifest() -> None:
    """As strings, which Kubernetes wants of numbers too; the text report has them below the size."""
    record = runs.verified()
    status = record.profile.status
    pools = [Variable(name="OMP_NUM_THREADS", value="1")]
    changed = status.model_copy(
        update={"recommendations": [status.recommendations[0].model_copy(update={"env": pools})]}
    )
    record = RunRecord(record.profile.model_copy(update={"status": changed}), record.details)
    code = parsed(record).all("main")[0].all("code")[0].text
    assert code.startswith('env:\n- {name: OMP_NUM_THREADS, value: "1"}\nresources:\n')
    assert "    env       OMP_NUM_THREADS=1\n" in text.render(record)


def test_without_a_recommendation_the_page_says_why() -> None:
    """And offers nothing to copy."""
    main = parsed(runs.infeasible()).all("main")[0]
    assert "No size in the range meets the objectives" in main.children[1].text
    assert "over the objective of 12ms" in main.children[1].text
    assert [] == main.all("code")


def test_an_unfinished_run_says_so() -> None:
    """It shows what there is."""
    main = parsed(runs.unfinished()).all("main")[0]
    assert ("Not finished" in main.children[1].text, 1) == (True, len(main.all("tbody")))


EVIL = "<script>alert(1)</script>\"'&</style>{{ 7 * 7 }}\x00\x1b[31m\x9f\ud800"
SHOWN = "<script>alert(1)</script>\"'&</style>{{ 7 * 7 }}[31m"
"""What a page shows of it: everything but control characters and half a character."""


def hostile() -> RunRecord:
    """Return a run in which every text that a user or a server writes is hostile."""
    record = runs.verified()
    rows = [t.model_copy(update={"message": EVIL, "outcome": Outcome.SLOW}) for t in record.profile.status.trials]
    recommendation = record.profile.status.recommendations[0].model_copy(
        update={
            "explanation": EVIL,
            "container_name": EVIL,
            "env": [Variable.model_construct(name=EVIL, value=EVIL)],
        }
    )
    assert record.profile.status.provenance is not None
    provenance = record.profile.status.provenance.model_copy(update={"image": EVIL, "node": EVIL, "cpu_model": EVIL})
    conditions = [c.model_copy(update={"message": EVIL, "status": "False"}) for c in record.profile.status.conditions]
    status = record.profile.status.model_copy(
        update={
            "trials": rows,
            "recommendations": [recommendation],
            "provenance": provenance,
            "conditions": conditions,
            "run_hash": EVIL,
        }
    )
    meta = record.profile.metadata.model_copy(update={"name": EVIL, "namespace": EVIL})
    assert record.profile.spec.model is not None
    spec = record.profile.spec.model_copy(
        update={"model": record.profile.spec.model.model_copy(update={"name": EVIL, "version": EVIL})}
    )
    profile = record.profile.model_copy(update={"metadata": meta, "spec": spec, "status": status})
    return replace(record, profile=profile, notes=(EVIL,))


def test_hostile_text_stays_text() -> None:
    """Names, messages, variables, notes and provenance are text in the page, in its charts and in its attributes."""
    html = page.render(hostile())
    html.encode()  # without surrogates
    assert [] == re.findall(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", html)
    root = Tree(html).root
    assert ([], 1) == (root.all("script"), len(root.all("style")))
    assert SHOWN == root.all("h1")[0].text
    assert any(SHOWN in n.text for n in root.all("svg")[0].all("title")), "a tooltip of a mark"
    assert f"{SHOWN} {SHOWN}" in [n.text for n in root.all("dd")], "the model"
    assert [SHOWN, f"Usage could not be read: {SHOWN}"] == [n.text for n in root.all("li")[:2]]
    assert f'- {{name: {SHOWN}, value: "{SHOWN}"}}' in root.all("code")[0].text
    assert {SHOWN} == {n.text.strip() for n in root.all("tr", "message-row")}


def test_hostile_text_stays_text_in_a_notebook() -> None:
    """There a script would run in the user's session."""
    html = Result(hostile())._repr_html_()
    assert html is not None
    root = Tree(f"<html>{html}</html>").root
    assert ([], True) == (root.all("script"), SHOWN in root.text)


def test_every_attribute_of_the_templates_is_in_quotes() -> None:
    """Escaping protects only these."""
    for file in resources.files("modelprofiler.report").joinpath("templates").iterdir():
        assert [] == re.findall(r"=\{\{|\| *safe|autoescape", file.read_text()), file.name


def test_every_trial_is_a_row_and_a_mark() -> None:
    """In the order they ran; the one that verified stands out."""
    root = parsed(runs.verified())
    rows = [body.all("tr")[0] for body in root.all("tbody")]
    assert ["1", "2", "3", "4", "5"] == [row.all("th")[0].text for row in rows]
    assert ["5"] == [row.all("th")[0].text for row in rows if row.attributes.get("class") == "chosen-row"]
    wide = root.all("div", "wide")[0]
    assert {"1", "2", "3", "4", "5"} == {g.all("text")[0].text for g in wide.all("g", "mark")}
    assert ["3"] == [g.all("text")[0].text for g in wide.all("g", "mark failed")]
    assert {"2", "3"} == {g.all("text")[0].text for g in wide.all("g", "mark resized")}


def test_the_objective_lies_between_what_met_it_and_what_did_not() -> None:
    """Marks of trials that passed are below the line, the others above it, and the recommendation is where it says."""
    wide = parsed(runs.verified()).all("div", "wide")[0]
    line = number(wide.all("line", "objective")[0], "y1")
    places = {}
    for mark in wide.all("g", "mark"):
        label = mark.all("text")[0]
        places[label.text] = number(label, "x"), number(label, "y") - 3.8
    assert {"3"} == {name for name, (_, y) in places.items() if y < line}
    chosen = number(wide.all("line", "chosen")[0], "x1")
    assert pytest.approx(chosen, abs=0.2) == places["5"][0]
    assert places["3"][0] < places["2"][0] < chosen < places["1"][0]


def number(node: Node, name: str) -> float:
    """Return an attribute as a number."""
    return float(node.attributes[name] or "nan")


def assert_drawn_inside(root: Node) -> None:
    """Assert that no mark, line or word begins outside of its picture."""
    for picture in root.all("svg", "chart"):
        width, height = map(float, (picture.attributes["viewbox"] or "").split()[2:])
        for tag, x, y in (("circle", "cx", "cy"), ("line", "x2", "y2"), ("rect", "x", "y"), ("text", "x", "y")):
            for node in picture.all(tag):
                assert 0 <= number(node, x) <= width
                assert 0 <= number(node, y) <= height


@pytest.mark.parametrize("seed", range(8))
def test_any_run_is_drawn_inside_its_pictures(seed: int) -> None:
    """Whatever its latencies, sizes and end."""
    drawn = random_simulation(seed)
    run = runs.Recorded(drawn.spec, drawn.service, seed)
    assert_drawn_inside(parsed(runs.recorded(run, run.run())))


def test_memory_over_time_stays_below_its_limit() -> None:
    """Where samples were kept; otherwise the picture is left out."""
    titles = [n.text for n in parsed(runs.verified()).all("h2")]
    without = [n.text for n in parsed(RUNS["rows without records"]()).all("h2")]
    assert ({"Memory over time"}, set()) == (set(titles) & {"Memory over time"}, set(without) & {"Memory over time"})
    [figure] = [f for f in parsed(runs.verified()).all("figure") if f.all("h2")[0].text == "Memory over time"]
    limit = number(figure.all("line", "objective")[0], "y1")
    drawn = figure.all("path", "series")[0].attributes["d"] or ""
    heights = [float(pair.split()[1]) for pair in drawn.removeprefix("M").split("L")]
    assert limit < min(heights)


def test_the_soak_has_a_picture_of_its_own() -> None:
    """Where it is not the trial that is shown in detail."""
    record = runs.verified()
    first = record.trials[0].trial.index
    trials = [
        t.model_copy(update={"purpose": Purpose.SOAK}) if t.index == first else t for t in record.profile.status.trials
    ]
    status = record.profile.status.model_copy(update={"trials": trials})
    memory = series((float(second), 1e8 + 1e6 * second) for second in range(60))
    details = {
        i: replace(d, trial=trials[i - 1], memory=memory if i == first else d.memory) for i, d in record.details.items()
    }
    profile = record.profile.model_copy(update={"status": status})
    titles = [n.text for n in parsed(replace(record, profile=profile, details=details)).all("h2")]
    assert "Memory in the soak" in titles
    assert "Memory in the soak" not in [n.text for n in parsed(record).all("h2")]


def test_a_run_that_used_nothing_is_drawn() -> None:
    """A scale needs a length, also where every value is zero."""
    original = runs.verified()
    details = {
        index: replace(record, memory=series((sample.time, 0.0) for sample in record.memory))
        for index, record in original.details.items()
    }
    limited = [
        t.model_copy(update={"limits": Size(cpu=t.limits.cpu), "usage": None}) for t in original.profile.status.trials
    ]
    status = original.profile.status.model_copy(update={"trials": limited})
    record = replace(original, profile=original.profile.model_copy(update={"status": status}), details=details)
    assert_drawn_inside(parsed(record))


def test_a_page_is_small() -> None:
    """It is attached to pull requests and mailed."""
    assert len(page.render(runs.verified())) < 100_000


def test_two_pages_of_a_run_are_the_same() -> None:
    """So that they can be compared and kept in git."""
    assert page.render(runs.verified()) == page.render(runs.verified())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_what_is_behind_them(scheme: str) -> None:
    """By 4.5 to 1 at least, as WCAG 2 asks (level AA), in both schemes."""
    style = resources.files("modelprofiler.report").joinpath("templates/page.css").read_text()
    light, dark = style.split("@media (prefers-color-scheme: dark)")[:2]
    colors = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", light if scheme == "light" else dark.split("* {")[0]))
    for ink in ("ink", "soft", "accent", "good", "bad", "warn", "idle"):
        for paper in ("card", "page"):
            assert 4.5 <= contrast(colors[ink], colors[paper]), (ink, paper)


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours (WCAG 2, relative luminance)."""

    def luminance(color: str) -> float:
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
