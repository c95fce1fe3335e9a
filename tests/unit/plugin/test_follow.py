"""A run that is followed: a line a trial, one line that is written over, and an end whatever happens."""

import io
from typing import Any

import pytest
from tests.unit.report import runs

from modelprofiler.api.resource import RERUN_ANNOTATION
from modelprofiler.errors import ClusterUnavailable, ModelProfilerError, NotFound, Refused
from modelprofiler.plugin import follow
from modelprofiler.plugin.follow import Follower, Progress

Object = dict[str, Any]
ENDED = runs.verified().profile.to_dict()


class Looks:
    """Answers like kubectl, one after the other, and the last one for ever. A look takes no time, and a wait does."""

    def __init__(self, *answers: Object | Exception, width: int | None = None) -> None:
        self.answers = list(answers)
        self.out = io.StringIO()
        self.now = 0.0
        self.follower = Follower(self, Progress(self.out, width), lambda: self.now, self._sleep)  # type: ignore[arg-type]

    def get(self, resource: str, name: str) -> Object:
        """Return the next answer."""
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def follow(self, before: Object | None = None, timeout: float = 3600) -> Object | None:
        """Follow to the end."""
        return self.follower.follow("digits", before, timeout)

    @property
    def lines(self) -> list[str]:
        """What was written."""
        return self.out.getvalue().splitlines()


def running(trials: int, **status: Any) -> Object:
    """Return a profile whose run has finished this many trials."""
    data = runs.unfinished(trials).profile.to_dict()
    data["status"] |= status
    return data


def test_each_trial_is_a_line_once() -> None:
    """It is written as the trial finishes. In a log, what the run does is written once."""
    looks = Looks(running(0), running(1), running(1), running(2), ENDED)
    assert ENDED == looks.follow()
    trials = [line for line in looks.lines if line.startswith("trial ")]
    assert len(ENDED["status"]["trials"]) == len(trials)
    assert trials[0].startswith("trial 1 Reference: ")
    assert 1 == len([line for line in looks.lines if line.startswith("Running: ")])
    assert "\r" not in looks.out.getvalue()


def test_a_terminal_has_one_line_that_is_written_over() -> None:
    """The line is no wider than the terminal, and gone at the end."""
    looks = Looks(running(0), running(1), ENDED, width=12)
    looks.follow()
    written = looks.out.getvalue()
    assert "\r\x1b[KTrial 3 loa\r\x1b[K" in written
    assert written.splitlines()[-1].startswith("trial ")


def test_nothing_of_a_status_moves_the_cursor() -> None:
    """Statuses may be written by others, and contain output of servers."""
    data = running(1)
    data["status"]["trials"][0]["message"] = "\x1b[2Jgone\nnext \x07line"
    looks = Looks(data, ENDED)
    looks.follow()
    assert not any(c in looks.out.getvalue() for c in "\x1b\x07")
    assert any("gone next line" in line for line in looks.lines)


def test_a_result_of_another_spec_is_not_the_result() -> None:
    """The operator has not seen the change yet."""
    old = {**ENDED, "metadata": {**ENDED["metadata"], "generation": 2}}
    new = {**old, "status": {**ENDED["status"], "observedGeneration": 2}}
    assert new == Looks(old, old, new).follow()


def test_a_result_from_before_a_rerun_is_not_the_result() -> None:
    """It counts where nothing changes for so long that the operator must have seen the annotation."""
    again = {**ENDED, "status": {**ENDED["status"], "runHash": "other"}}
    assert again == Looks(ENDED, ENDED, again).follow(before=ENDED["status"])
    looks = Looks(ENDED)
    assert ENDED == looks.follow(before=ENDED["status"])
    assert looks.now > follow.UNSEEN_SECONDS


def test_a_profile_that_nobody_looks_at_is_reported_once() -> None:
    """An operator may not be installed, or not serve the namespace."""
    unseen = {**running(0), "status": {}}
    looks = Looks(unseen)
    assert looks.follow(timeout=120) is None
    assert 1 == len([line for line in looks.lines if "No operator has looked" in line])


def test_following_ends_in_time() -> None:
    """The run goes on."""
    looks = Looks(running(1))
    assert looks.follow(timeout=60) is None
    assert looks.now <= 60


def test_an_api_server_may_be_away_for_a_while() -> None:
    """Following ends where it stays away."""
    away = ClusterUnavailable("The connection to the server was refused")
    assert ENDED == Looks(running(0), *[away] * 5, ENDED).follow()
    with pytest.raises(ClusterUnavailable, match="refused"):
        Looks(running(0), away).follow()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (NotFound("not found"), "was deleted while its run was followed"),
        (Refused("no longer allowed", 403), "no longer allowed"),
        ({**ENDED, "spec": {**ENDED["spec"], "later": 1}}, "is this plugin older than the operator"),
    ],
)
def test_what_cannot_be_followed_ends_it(answer: Object | Exception, says: str) -> None:
    """The message is a sentence."""
    with pytest.raises(ModelProfilerError, match=says):
        Looks(running(0), answer).follow()


def test_a_result_that_names_an_earlier_rerun_is_never_the_result() -> None:
    """However long the operator is away, as while it is upgraded."""
    asked = {**ENDED, "metadata": {**ENDED["metadata"], "annotations": {RERUN_ANNOTATION: "new"}}}
    provenance = {**ENDED["status"]["provenance"], "rerun": "new"}
    again = {**asked, "status": {**ENDED["status"], "provenance": provenance}}
    looks = Looks(*[asked] * 30, again)
    assert again == looks.follow(before=ENDED["status"])
    assert looks.now > 2 * follow.UNSEEN_SECONDS
    assert 1 == len([line for line in looks.lines if "The new run has not begun" in line])


@pytest.mark.parametrize("status", [403, 404, 429, 500, 503])
def test_an_answer_that_may_pass_ends_nothing(status: int) -> None:
    """An API server that has just started refuses, or does not know the resource yet."""
    assert ENDED == Looks(running(0), *[Refused("not now", status)] * 3, ENDED).follow()


def test_a_login_that_is_over_ends_it() -> None:
    """Waiting changes nothing."""
    with pytest.raises(Refused, match="log in"):
        Looks(running(0), Refused("log in", 401), ENDED).follow()
